-- id, from, joined
local key = root .. ':events:sub:' .. ARGV[1]
local known = redis.call('HMGET', key, 'from', 'joined')
if not known[1] or tonumber(known[1]) > tonumber(ARGV[2]) then return 0 end
redis.call('HSET', key, 'from', ARGV[2])
if tonumber(ARGV[3]) > tonumber(known[2]) then redis.call('HSET', key, 'joined', ARGV[3]) end
return 1
