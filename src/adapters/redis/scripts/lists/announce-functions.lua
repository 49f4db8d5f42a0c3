-- worker, ttlMs, its names (JSON), then name and queue (JSON) of each function
local worker, ttl, names = unpack(ARGV, 1, 3)
local at = now()
for _, gone in ipairs(redis.call('ZRANGEBYSCORE', root .. ':workers', '-inf', at)) do
  redis.call('HDEL', root .. ':announced', gone)
  redis.call('ZREM', root .. ':workers', gone)
end
redis.call('ZADD', root .. ':workers', at + tonumber(ttl), worker)
redis.call('HSET', root .. ':announced', worker, names)
for i = 4, #ARGV, 2 do
  redis.call('HSET', root .. ':known', ARGV[i], SCHEMA .. ' ' .. at .. ' ' .. ARGV[i + 1])
end
return 1
