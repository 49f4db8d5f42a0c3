-- letter id, tenant
local letterId, tenant = unpack(ARGV)
local key = root .. ':letter:' .. letterId
local letter = redis.call('HMGET', key, 'v', 'tenant', 'execution', 'kind', 'name', 'parkedAt')
if not letter[1] or letter[2] ~= tenant then return 'unknown' end
if letter[1] ~= SCHEMA then corrupt('letter ' .. letterId, letter[1]) end

local head = load(letter[3])
if head and not isClosed(head) then
  if head.parked == letterId then return 'open' end
  local entry = letter[4] == 'activity' and owedEntry(head, letter[5])
  if entry and entry.parked == letterId then return 'open' end
end
redis.call('DEL', key)
if head then
  redis.call('HDEL', head.key .. ':letters', letterId)
  if isClosed(head) then retire(head) end
end
redis.call('ZREM', root .. ':letters', letterId)
redis.call('ZREM', root .. ':letters:' .. tenant, string.format('%015.0f', letter[6]) .. ' ' .. letterId)
return 'removed'
