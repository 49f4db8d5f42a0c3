-- place, expected revision
local place, expected = unpack(ARGV)
local records = root .. ':schedules'
local known = redis.call('HGET', records, place)
if not known then return 0 end
local schema, revision = string.match(known, '^(%d+) (%d+) ')
demandSchema(schema, 'a schedule')
if revision ~= expected then return 0 end
redis.call('HDEL', records, place)
redis.call('ZREM', records .. ':names', place)
redis.call('ZREM', records .. ':look', place)
return 1
