-- id, kind, delayMs, lookGraceMs
local id, kind, delay, grace = unpack(ARGV)
local head = load(id)
if not head or isClosed(head) then return 0 end
if kind == 'death' then
  save(head, { deaths = head.deaths + 1 })
  return tonumber(head.deaths)
end
local notBefore = now() + tonumber(delay)
save(head, { faults = head.faults + 1, notBefore = notBefore })
stir(head, notBefore, notBefore + tonumber(grace))
return tonumber(head.faults)
