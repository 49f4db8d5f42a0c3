-- from, to, limit: places and records, in their order
local records = root .. ':schedules'
local places = redis.call('ZRANGE', records .. ':names', ARGV[1], ARGV[2], 'BYLEX', 'LIMIT', 0, ARGV[3])
local found = {}
for _, place in ipairs(places) do
  found[#found + 1] = place
  found[#found + 1] = redis.call('HGET', records, place)
end
return found
