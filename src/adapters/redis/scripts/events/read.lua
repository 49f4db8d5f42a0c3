-- channel, after, limit. Gives: the end, the position before the first that is kept, entries after the position.
local channel, after, limit = ARGV[1], ARGV[2], ARGV[3]
local stream = root .. ':events:' .. channel
local last = redis.call('HGET', root .. ':events', channel) or '0'
local first = redis.call('XRANGE', stream, '-', '+', 'COUNT', 1)[1]
local floor = last
if first then floor = string.format('%.0f', tonumber(string.match(first[1], '^%d+')) - 1) end
return { last, floor, redis.call('XRANGE', stream, '(' .. after .. '-0', '+', 'COUNT', limit) }
