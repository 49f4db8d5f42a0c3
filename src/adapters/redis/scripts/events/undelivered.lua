-- limit. Gives: up to where this tells all, the end, entries with their classes, and id and definition of each class.
local head, stream = root .. ':events', root .. ':events:event'
local known = redis.call('HMGET', head, 'event', 'delivered')
local last, delivered = known[1] or '0', known[2] or '0'
if tonumber(last) <= tonumber(delivered) then return { last, last, {}, {} } end
local entries = redis.call('XRANGE', stream, '(' .. delivered .. '-0', '+', 'COUNT', ARGV[1])
local found, classes, seen, byKey = {}, {}, {}, {}
local upTo = last
if #entries == tonumber(ARGV[1]) then upTo = string.match(entries[#entries][1], '^%d+') end
for _, entry in ipairs(entries) do
  local of, once = {}, {}
  for key in string.gmatch(entry[2][6], '%S+') do
    if not byKey[key] then byKey[key] = redis.call('SMEMBERS', root .. ':events:key:' .. key) end
    for _, class in ipairs(byKey[key]) do
      if not once[class] then
        once[class] = true
        of[#of + 1] = class
      end
      if not seen[class] then
        seen[class] = true
        classes[#classes + 1] = class
        classes[#classes + 1] = redis.call('GET', root .. ':events:class:' .. class)
      end
    end
  end
  if #of > 0 then found[#found + 1] = { entry, of } end
end
return { upTo, last, found, classes }
