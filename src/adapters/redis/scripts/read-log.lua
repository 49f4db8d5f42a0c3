-- What `read` gives: id, after, inboxLimit, whether to use a snapshot ('0' or '1'), most events to give; the caller fetches the rest of
-- the log, which never changes, by itself. Nil for an unknown execution.
local function readLog(id, after, inboxLimit, useSnapshot, limit)
  local head = load(id)
  if not head then return nil end
  local snapshot = false
  if useSnapshot == '1' then
    snapshot = redis.call('GET', head.key .. ':snapshot')
    if snapshot then after = string.match(snapshot, '^%d+ (%d+) ') or after end
  end
  local events = {}
  if tonumber(after) < tonumber(head.version) then
    events = redis.call('XRANGE', head.key .. ':log', '(' .. after .. '-0', '+', 'COUNT', limit)
  end
  local inbox = {}
  local waiting = redis.call('LLEN', head.key .. ':inbox')
  if waiting > 0 and tonumber(inboxLimit) > 0 then
    inbox = redis.call('LRANGE', head.key .. ':inbox', 0, inboxLimit - 1)
  end
  return { shown(head), now(), snapshot, events, inbox, waiting, redis.call('HGETALL', head.key .. ':owed') }
end
