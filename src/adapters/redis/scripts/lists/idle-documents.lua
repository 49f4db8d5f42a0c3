-- idleMs, limit, offset
local before = string.format('%.0f', now() - tonumber(ARGV[1]))
return redis.call('ZRANGEBYSCORE', root .. ':idle', '-inf', before, 'LIMIT', ARGV[3], ARGV[2])
