-- of each: id, place in the lists, key of its workflow ID, of its definition and of its version
for i = 1, #ARGV, 5 do
  local id, place, workflow, definition, definitionVersion = unpack(ARGV, i, i + 4)
  local key = root .. ':execution:' .. id
  local known = redis.call('GET', key)
  if known then
    local schema, status = string.match(known, '^(%d+) %d+ (%u+) ')
    demandSchema(schema or string.match(known, '^%d+'), 'summary ' .. id)
    redis.call('DEL', key)
    redis.call('ZREM', root .. ':status:' .. status, place)
  end
  redis.call('ZREM', root .. ':executions', place)
  redis.call('ZREM', root .. ':workflow:' .. workflow, place)
  redis.call('SREM', root .. ':open:' .. definition, id)
  redis.call('SREM', root .. ':open:' .. definitionVersion, id)
end
return 1
