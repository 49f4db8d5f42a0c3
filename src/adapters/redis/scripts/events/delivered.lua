-- position
local head = root .. ':events'
local known = redis.call('HMGET', head, 'event', 'delivered')
local position = math.min(tonumber(ARGV[1]), tonumber(known[1] or '0'))
if position > tonumber(known[2] or '0') then redis.call('HSET', head, 'delivered', string.format('%.0f', position)) end
return 1
