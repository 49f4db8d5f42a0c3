-- channel, keepMs (0 = for ever), keepCount (0 = all), count; then text, keys (hashes with spaces) and once ('' = none) of each
local channel, keepMs, keepCount, count = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local head, stream = root .. ':events', root .. ':events:' .. channel
local known = redis.call('HMGET', head, channel, 'delivered')
local before, delivered = tonumber(known[1] or '0'), tonumber(known[2] or '0')
local at, last, heard = now(), before, false
for i = 0, count - 1 do
  local text, keys, once = ARGV[5 + 3 * i], ARGV[6 + 3 * i], ARGV[7 + 3 * i]
  local isNew = true
  if once ~= '' then
    local key = root .. ':events:once:' .. once
    if keepMs > 0 then
      isNew = redis.call('SET', key, SCHEMA, 'NX', 'PX', ARGV[2])
    else
      isNew = redis.call('SET', key, SCHEMA, 'NX')
    end
  end
  if isNew then
    last = last + 1
    if keys ~= '' then heard = true end
    redis.call('XADD', stream, string.format('%.0f', last) .. '-0', 'v', SCHEMA, 'at', at, 'k', keys, 'e', text)
  end
end
if last == before then return before end
redis.call('HSET', head, channel, string.format('%.0f', last))
if channel == 'event' and not heard and delivered == before then
  delivered = last
  redis.call('HSET', head, 'delivered', string.format('%.0f', last))
end
if keepCount > 0 then redis.call('XTRIM', stream, 'MAXLEN', '~', keepCount) end
if keepMs > 0 then
  local floor
  for _, entry in ipairs(redis.call('XRANGE', stream, '-', '+', 'COUNT', 10 + count)) do
    local position = tonumber(string.match(entry[1], '^%d+'))
    if tonumber(entry[2][4]) > tonumber(at) - keepMs or (channel == 'event' and position > delivered) then break end
    floor = position + 1
  end
  if floor then redis.call('XTRIM', stream, 'MINID', string.format('%.0f', floor) .. '-0') end
end
return last
