-- id, expected version, tip and heard, taken, new tip, status, closing, refuseUnread and unreadInbox (each 0 or 1), snapshot
-- ('' = none), lookGraceMs; count, then at and text of each event; count, then name, kind, fireAt, lookAt, claims (0 or 1) and work of each
-- added; count, then each removed name
local id, version, tip, heard, taken, newTip, status, closing, refuseUnread, unreadInbox, snapshot, grace = unpack(ARGV, 1, 12)
local next = 13
local function arg()
  next = next + 1
  return ARGV[next - 1]
end

local head = load(id)
if not head or isClosed(head) or head.version ~= version or head.tip ~= tip or head.heard ~= heard then
  return { 'conflict' }
end
taken = tonumber(taken)
local messages = tonumber(head.messages)
if taken > 0 then
  local facts = redis.call('LRANGE', head.key .. ':inbox', 0, taken - 1)
  if #facts < taken then return { 'conflict' } end
  for _, fact in ipairs(facts) do
    if string.match(fact, '^%d+ m ') then messages = messages - 1 end
  end
end
closing = closing == '1'
if closing and refuseUnread == '1' and messages > 0 then return { 'unread' } end

local at = now()
local isHeld = head.parked ~= '' or tonumber(head.notBefore) > at
if unreadInbox == '1' and (isHeld or redis.call('EXISTS', head.key .. ':inbox') == 1) then return { 'unread' } end
if taken > 0 then redis.call('LTRIM', head.key .. ':inbox', taken, -1) end
version = tonumber(version)
for _ = 1, tonumber(arg()) do
  version = version + 1
  local eventAt = arg()
  log(head, version, eventAt, arg())
end
for _ = 1, tonumber(arg()) do
  local name, kind, fireAt, lookAt, claims, work = arg(), arg(), arg(), arg(), arg(), arg()
  local entry = {
    name = name, since = int(at), lookAt = lookAt, dispatch = '0', attempt = claims, deaths = '0', claims = claims,
    answered = '0', parked = '', kind = kind, work = work,
  }
  putOwed(head, entry)
  redis.call('ZADD', head.key .. ':look', lookAt, name)
  if fireAt ~= '' then redis.call('ZADD', head.key .. ':fire', fireAt, name) end
end
local removed = {}
for _ = 1, tonumber(arg()) do
  removed[#removed + 1] = arg()
  if #removed == 1000 then
    dropOwed(head, removed)
    removed = {}
  end
end
if #removed > 0 then dropOwed(head, removed) end
if snapshot ~= '' then redis.call('SET', head.key .. ':snapshot', SCHEMA .. ' ' .. int(version) .. ' ' .. snapshot) end

local changes = {
  version = version, tip = newTip, status = status, heard = heard + taken, messages = messages, faults = 0, deaths = 0,
  notBefore = 0,
}
if closing then
  close(head)
  changes.endedAt = at
  changes.messages = 0
  changes.parked = ''
end
save(head, changes)
stir(head, at, at + tonumber(grace))
return { 'committed', shown(head), closing and messages or 0 }
