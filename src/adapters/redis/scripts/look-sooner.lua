-- id, name, delayMs
local id, name, delay = unpack(ARGV)
local head = load(id)
if not head or isClosed(head) then return 0 end
local entry = owedEntry(head, name)
local at = now() + tonumber(delay)
if not isLive(entry) or tonumber(entry.lookAt) <= at then return 0 end
lookAgain(head, entry, at)
putOwed(head, entry)
refreshLook(head)
return 1
