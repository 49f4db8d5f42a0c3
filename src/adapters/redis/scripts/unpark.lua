-- letter id, tenant, the fact that reopens an execution, its id
local letterId, tenant, retry, retryId = unpack(ARGV)
local key = root .. ':letter:' .. letterId
local letter = redis.call('HMGET', key, 'v', 'tenant', 'redrivenAt', 'execution', 'kind', 'name')
if not letter[1] or letter[2] ~= tenant then return { 'unknown' } end
if letter[1] ~= SCHEMA then corrupt('letter ' .. letterId, letter[1]) end
if letter[3] ~= '' then return { 'already-redriven' } end

local head = load(letter[4])
if not head then return { 'ended' } end
local at = now()
if letter[5] == 'event' then
  if head.parked ~= letterId then return { 'ended' } end
  save(head, { parked = '', faults = 0, deaths = 0, notBefore = 0 })
elseif letter[5] == 'activity' then
  local entry = owedEntry(head, letter[6])
  if not entry or entry.parked ~= letterId or entry.answered == '1' then return { 'ended' } end
  entry.parked, entry.deaths, entry.claims = '', '0', '0'
  lookAgain(head, entry, at)
  putOwed(head, entry)
else
  if head.status ~= 'FAILED' then return { 'ended' } end
  local open = redis.call('GET', head.group)
  if open and open ~= head.id then return { 'workflow-id-taken' } end
  redis.call('SET', head.group, head.id)
  redis.call('SADD', head.key .. ':ids', retryId)
  save(head, { status = 'RUNNING', endedAt = '', faults = 0, deaths = 0, notBefore = 0 })
  receive(head, 'm', at, retry)
  countOpen(tenant, 1)
end
stir(head, at, at)
if head.parked ~= '' then refreshLook(head) end
redis.call('HSET', key, 'redrivenAt', int(at))
redis.call('HSET', head.key .. ':letters', letterId, 'redriven')
retire(head)
redis.call('ZREM', root .. ':letters', letterId)
return { 'redriven', redis.call('HMGET', key, 'v', 'letter', 'parkedAt', 'redrivenAt') }
