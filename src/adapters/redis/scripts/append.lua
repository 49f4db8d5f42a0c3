-- id, kind (a: answer, m: message), its id (m) or the work it answers (a), fact, maxInbox, lookGraceMs
local id, kind, name, fact, maxInbox, grace = unpack(ARGV)
local head = load(id)
if not head then return 'unknown' end

local at = now()
if kind == 'm' then
  if redis.call('SISMEMBER', head.key .. ':ids', name) == 1 then return 'duplicate' end
  if isClosed(head) then return 'closed' end
  if tonumber(head.messages) >= tonumber(maxInbox) then return 'full' end
  redis.call('SADD', head.key .. ':ids', name)
else
  if isClosed(head) then return 'closed' end
  local entry = owedEntry(head, name)
  if not entry then return 'not-owed' end
  if entry.answered == '1' then return 'duplicate' end
  entry.answered = '1'
  putOwed(head, entry)
  redis.call('ZREM', head.key .. ':look', name)
  redis.call('ZREM', head.key .. ':fire', name)
end
receive(head, kind, at, fact)

-- Facts that keep coming must not put off the look at a wake-up that was lost.
local lookAt = at + tonumber(grace)
local due = redis.call('ZSCORE', head.group .. ':due', id)
if due and tonumber(due) <= at then
  local before = redis.call('ZSCORE', root .. ':look', id)
  if before then lookAt = math.min(lookAt, tonumber(before)) end
end
stir(head, at, lookAt)
return 'accepted'
