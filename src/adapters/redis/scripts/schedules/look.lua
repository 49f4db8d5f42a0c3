-- until when, limit: places and records that somebody must look at by then, by that moment
local records = root .. ':schedules'
local places = redis.call('ZRANGE', records .. ':look', '-inf', ARGV[1], 'BYSCORE', 'LIMIT', 0, ARGV[2])
local found = {}
for _, place in ipairs(places) do
  found[#found + 1] = place
  found[#found + 1] = redis.call('HGET', records, place)
end
return found
