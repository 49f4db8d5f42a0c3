-- execution, letter id, kind, name ('' = none), tenant, letter
local id, letterId, kind, name, tenant, letter = unpack(ARGV)
local head = load(id)
local key = root .. ':letter:' .. letterId
if not head or redis.call('EXISTS', key) == 1 then return 0 end

local at = int(now())
redis.call('HSET', key, 'v', SCHEMA, 'execution', id, 'kind', kind, 'name', name, 'tenant', tenant, 'letter', letter,
  'parkedAt', at, 'redrivenAt', '')
redis.call('ZADD', root .. ':letters', at, letterId)
redis.call('ZADD', root .. ':letters:' .. tenant, 0, string.format('%015.0f', at) .. ' ' .. letterId)
redis.call('HSET', head.key .. ':letters', letterId, 'open')
if isClosed(head) then retire(head) end

if kind == 'event' and not isClosed(head) then
  save(head, { parked = letterId })
  setDue(head, nil)
  setLook(head, not isUnsettled(head) and lookOfOwed(head) or nil)
elseif kind == 'activity' then
  local entry = owedEntry(head, name)
  if isLive(entry) then
    entry.parked = letterId
    putOwed(head, entry)
    redis.call('ZREM', head.key .. ':look', name)
    refreshLook(head)
  end
end
return 1
