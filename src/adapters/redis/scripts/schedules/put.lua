-- place, expected revision ('' = there is none), lookAt ('' = never), body
local place, expected, lookAt, body = unpack(ARGV)
local records = root .. ':schedules'
local known = redis.call('HGET', records, place)
local schema, revision = string.match(known or '', '^(%d+) (%d+) ')
if known then demandSchema(schema, 'a schedule') end
if (revision or '') ~= expected then return false end
local new = redis.call('INCR', records .. ':revision')
redis.call('HSET', records, place, SCHEMA .. ' ' .. new .. ' ' .. (lookAt == '' and '-' or lookAt) .. ' ' .. body)
redis.call('ZADD', records .. ':names', 0, place)
if lookAt == '' then
  redis.call('ZREM', records .. ':look', place)
else
  redis.call('ZADD', records .. ':look', lookAt, place)
end
return new
