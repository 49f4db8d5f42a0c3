-- id, name, leaseMs
local id, name, lease = unpack(ARGV)
local head = load(id)
if not head or isClosed(head) then return nil end
local entry = owedEntry(head, name)
if not isLive(entry) or entry.kind ~= 'a' then return nil end

-- Claims so far that neither answered nor were handed back are deaths.
entry.deaths = entry.claims
entry.claims = int(entry.claims + 1)
entry.attempt = int(entry.attempt + 1)
lookAgain(head, entry, now() + tonumber(lease))
putOwed(head, entry)
refreshLook(head)
local event = redis.call('XRANGE', head.key .. ':log', name .. '-0', name .. '-0')
return { shown(head), event[1], tonumber(entry.attempt), tonumber(entry.deaths) }
