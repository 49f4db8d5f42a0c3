-- Put before every script of the event store. KEYS[1] is the root of the partition: all keys begin with it and so with its
-- hash tag. Payloads are opaque text: cjson would damage empty arrays and big numbers.
local root = KEYS[1]
local SCHEMA = '1'
-- The first twelve are what a caller gets to see of a head.
local FIELDS = {
  'static', 'status', 'version', 'tip', 'settled', 'heard', 'startedAt', 'endedAt', 'faults', 'deaths', 'notBefore',
  'parked', 'group', 'messages', 'v',
}
local CLOSED = { COMPLETED = true, FAILED = true, CANCELLED = true }

local function now()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

-- Lua would write a number of 15 digits as 1e+14.
local function int(number)
  return string.format('%.0f', number)
end

local function keyOf(id)
  return root .. ':x:' .. id
end

local function corrupt(what, schema)
  error({ err = 'CORRUPT ' .. what .. ' has schema ' .. tostring(schema) .. ', this build knows ' .. SCHEMA })
end

-- A head, or nil.
local function load(id)
  local values = redis.call('HMGET', keyOf(id), unpack(FIELDS))
  if not values[15] then return nil end
  if values[15] ~= SCHEMA then corrupt('execution ' .. id, values[15]) end
  local head = { id = id, key = keyOf(id) }
  for i, field in ipairs(FIELDS) do head[field] = values[i] end
  head.group = root .. ':g:' .. head.group
  return head
end

local function save(head, changes)
  local args = {}
  for field, value in pairs(changes) do
    if type(value) == 'number' then value = int(value) end
    head[field] = value
    args[#args + 1] = field
    args[#args + 1] = value
  end
  redis.call('HSET', head.key, unpack(args))
end

local function shown(head)
  local values = {}
  for i = 1, 12 do values[i] = head[FIELDS[i]] end
  return values
end

local function isClosed(head)
  return CLOSED[head.status] == true
end

local function setDue(head, at)
  if at then
    redis.call('ZADD', head.group .. ':due', int(at), head.id)
  else
    redis.call('ZREM', head.group .. ':due', head.id)
  end
end

local function setLook(head, at)
  if at then
    redis.call('ZADD', root .. ':look', int(at), head.id)
  else
    redis.call('ZREM', root .. ':look', head.id)
  end
end

local function first(key)
  local found = redis.call('ZRANGE', key, 0, 0, 'WITHSCORES')
  return found[2] and tonumber(found[2])
end

local function isUnsettled(head)
  return head.settled ~= head.version
end

-- Only what is owed can need a look: a parked execution is woken by nothing.
local function isResting(head)
  return not isUnsettled(head) and (head.parked ~= '' or redis.call('EXISTS', head.key .. ':inbox') == 0)
end

-- When somebody must look at an execution that is settled: nothing but what is owed can need it.
local function lookOfOwed(head)
  if isClosed(head) then return nil end
  return first(head.key .. ':look')
end

-- After a change of a lease or of what is parked.
local function refreshLook(head)
  if isResting(head) then setLook(head, lookOfOwed(head)) end
end

local function dueOfTimers(head)
  if isClosed(head) or head.parked ~= '' or head.status == 'PAUSED' then return nil end
  local fireAt = first(head.key .. ':fire')
  return fireAt and math.max(fireAt, tonumber(head.notBefore))
end

-- Something new is to be decided or dispatched.
local function stir(head, at, lookAt)
  if head.parked ~= '' then return end
  setDue(head, math.max(at, tonumber(head.notBefore)))
  setLook(head, lookAt)
end

-- An owed entry: bookkeeping in front, the work itself (JSON) behind the last bar.
local OWED = '^(%d+)|(%d+)|(%-?%d+)|(%d+)|(%d+)|(%d+)|(%d+)|([01])|([^|]*)|(%a)|(.*)$'

local function schemaOfOwed(text)
  return string.match(text, '^%d+')
end

local function owedEntry(head, name)
  local text = redis.call('HGET', head.key .. ':owed', name)
  if not text then return nil end
  local entry = { name = name }
  local schema
  schema, entry.since, entry.lookAt, entry.dispatch, entry.attempt, entry.deaths, entry.claims, entry.answered, entry.parked, entry.kind, entry.work =
    string.match(text, OWED)
  if schema ~= SCHEMA then corrupt('owed work ' .. head.id .. '.' .. name, schemaOfOwed(text)) end
  return entry
end

local function putOwed(head, entry)
  redis.call('HSET', head.key .. ':owed', entry.name, table.concat({
    SCHEMA, entry.since, entry.lookAt, entry.dispatch, entry.attempt, entry.deaths, entry.claims, entry.answered,
    entry.parked, entry.kind, entry.work,
  }, '|'))
end

-- Whether a worker may act on it, and the queue must know of it.
local function isLive(entry)
  return entry ~= nil and entry.answered == '0' and entry.parked == ''
end

local function lookAgain(head, entry, at)
  entry.lookAt = int(at)
  if isLive(entry) then redis.call('ZADD', head.key .. ':look', entry.lookAt, entry.name) end
end

local function dropOwed(head, names)
  for _, part in ipairs({ ':owed', ':look', ':fire' }) do
    redis.call(part == ':owed' and 'HDEL' or 'ZREM', head.key .. part, unpack(names))
  end
end

local function log(head, sequence, at, event)
  redis.call('XADD', head.key .. ':log', sequence .. '-0', 'v', SCHEMA, 'at', at, 'e', event)
end

local function receive(head, kind, at, fact)
  redis.call('RPUSH', head.key .. ':inbox', SCHEMA .. ' ' .. kind .. ' ' .. int(at) .. ' ' .. fact)
  if kind == 'm' then save(head, { messages = head.messages + 1 }) end
end

-- How many executions of a tenant are open.
local function countOpen(tenant, change)
  if redis.call('HINCRBY', root .. ':open', tenant, change) <= 0 then redis.call('HDEL', root .. ':open', tenant) end
end

local function tenantOf(head)
  return cjson.decode(head.static).tenant
end

-- What closing changes besides log, version and status.
local function close(head)
  redis.call('DEL', head.key .. ':owed', head.key .. ':look', head.key .. ':fire', head.key .. ':inbox')
  if redis.call('GET', head.group) == head.id then redis.call('DEL', head.group) end
  countOpen(tenantOf(head), -1)
end

-- A closed and settled execution waits for the end of its retention, by the moment it ended: apart, one with a letter that nobody
-- has dealt with. To be called after each change of what that follows from.
local function retire(head)
  redis.call('ZREM', root .. ':closed', head.id)
  redis.call('ZREM', root .. ':lettered', head.id)
  if not isClosed(head) or isUnsettled(head) then return end
  local index = ':closed'
  for _, state in ipairs(redis.call('HVALS', head.key .. ':letters')) do
    if state == 'open' then index = ':lettered' end
  end
  redis.call('ZADD', root .. index, head.endedAt, head.id)
end

-- How many executions name a definition.
local function countNaming(tenant, digest, change)
  local key, field = root .. ':naming', tenant .. '/' .. digest
  if redis.call('HINCRBY', key, field, change) <= 0 then redis.call('HDEL', key, field) end
end
