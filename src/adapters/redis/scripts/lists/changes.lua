-- position or empty, limit. Gives: 1 when what follows the position is not all there any more, the end, and entries of the log.
local after, limit = ARGV[1], tonumber(ARGV[2])
local key = root .. ':changes'
local last = '0-0'
local length, added, first = 0, 0, nil
if redis.call('EXISTS', key) == 1 then
  local info = redis.call('XINFO', 'STREAM', key)
  for i = 1, #info, 2 do
    if info[i] == 'last-generated-id' then last = info[i + 1] end
    if info[i] == 'length' then length = info[i + 1] end
    if info[i] == 'entries-added' then added = info[i + 1] end
    if info[i] == 'first-entry' and info[i + 1] then first = info[i + 1][1] end
  end
end
if after == '' then return { 0, last, {} } end

-- Numbers of milliseconds and of 64 bits: too long for a double, so compared as text of one length.
local function padded(id)
  local ms, sequence = string.match(id, '^(%d+)-(%d+)$')
  return string.rep('0', 20 - #ms) .. ms .. '-' .. string.rep('0', 20 - #sequence) .. sequence
end
local place = padded(after)
-- Later than the end: of another store, or of a second that this one has lost.
if place > padded(last) then return { 1, last, {} } end
local trimmed = added > length
if trimmed and (not first or padded(first) > place) and place ~= padded(last) then return { 1, last, {} } end
return { 0, last, redis.call('XRANGE', key, '(' .. after, '+', 'COUNT', limit) }
