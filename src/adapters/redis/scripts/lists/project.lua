-- id, version, status, open (0 or 1), summary, place in the lists, key of its workflow ID, of its definition and of its version,
-- end or empty, changes kept
local id, version, status, open, summary, place, workflow, definition, definitionVersion, endedAt, kept = unpack(ARGV)
local key = root .. ':execution:' .. id
local known = redis.call('GET', key)
local schema, knownVersion, knownStatus
if known then
  schema, knownVersion, knownStatus = string.match(known, '^(%d+) (%d+) (%u+) ')
  demandSchema(schema or string.match(known, '^%d+'), 'summary ' .. id)
  if tonumber(knownVersion) >= tonumber(version) then return 0 end
  if knownStatus ~= status then redis.call('ZREM', root .. ':status:' .. knownStatus, place) end
end
redis.call('SET', key, SCHEMA .. ' ' .. version .. ' ' .. status .. ' ' .. summary)
redis.call('ZADD', root .. ':executions', 0, place)
redis.call('ZADD', root .. ':workflow:' .. workflow, 0, place)
redis.call('ZADD', root .. ':status:' .. status, 0, place)
local change = open == '1' and 'SADD' or 'SREM'
redis.call(change, root .. ':open:' .. definition, id)
redis.call(change, root .. ':open:' .. definitionVersion, id)
if knownStatus ~= status then
  redis.call('XADD', root .. ':changes', 'MAXLEN', '~', kept, '*', 'x', SCHEMA .. ' ' .. id .. ' ' .. version .. ' ' .. status .. ' ' .. endedAt)
end
return 1
