-- id, group, static, event, tip, onOpen, reuse, lookGraceMs, tenant, digest of its definition, then what is expected of the one to
-- terminate: its id, version and tip, and its closing event with the tip after it
local id, group, static, event, tip, onOpen, reuse, grace, tenant, digest = unpack(ARGV, 1, 10)
local oldId, oldVersion, oldTip, closing, closingTip = unpack(ARGV, 11, 15)

local same = load(id)
if same then return { 'existing', shown(same) } end

local groupKey = root .. ':g:' .. group
local openId = redis.call('GET', groupKey)
local open = openId and load(openId)
if open and onOpen == 'use-existing' then return { 'existing', shown(open) } end
if open and onOpen == 'reject' then return { 'open', shown(open) } end

local lastId = openId or redis.call('LINDEX', groupKey .. ':runs', -1)
local last = open or (lastId and load(lastId))
if last and (reuse == 'never' or (reuse == 'failed-only' and last.status ~= 'FAILED')) then
  return { 'reuse', shown(last) }
end
if open and (oldId ~= open.id or oldVersion ~= open.version or oldTip ~= open.tip) then
  return { 'moved', shown(open) }
end

local at = now()
local lookAt = at + tonumber(grace)
if open then
  log(open, open.version + 1, int(at), closing)
  close(open)
  save(open, {
    status = 'CANCELLED', version = open.version + 1, tip = closingTip, endedAt = at, messages = 0, parked = '',
    faults = 0, deaths = 0, notBefore = 0,
  })
  stir(open, at, lookAt)
end

local head = { id = id, key = keyOf(id), group = groupKey }
save(head, {
  v = SCHEMA, static = static, group = group, status = 'PENDING', version = 1, tip = tip, settled = 0, heard = 0,
  startedAt = at, endedAt = '', faults = 0, deaths = 0, notBefore = 0, parked = '', messages = 0,
})
head.group = groupKey
log(head, 1, int(at), event)
redis.call('SET', groupKey, id)
redis.call('RPUSH', groupKey .. ':runs', id)
redis.call('PERSIST', head.key .. ':blobs')
countNaming(tenant, digest, 1)
countOpen(tenant, 1)
stir(head, at, lookAt)
return { 'created', shown(head), open and open.id or '' }
