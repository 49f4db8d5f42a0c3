-- id, lookAt; then name, dispatch and lookAt of each entry
local head = load(ARGV[1])
if not head then return 0 end
local lookAt = tonumber(ARGV[2])
for i = 3, #ARGV, 3 do
  local entry = owedEntry(head, ARGV[i])
  if entry then
    entry.dispatch = ARGV[i + 1]
    lookAgain(head, entry, tonumber(ARGV[i + 2]))
    putOwed(head, entry)
  end
end

if isUnsettled(head) then
  setLook(head, head.parked == '' and lookAt or nil)
  return 1
end
local next = lookOfOwed(head)
local due = redis.call('ZSCORE', head.group .. ':due', head.id)
local waits = due and (tonumber(due) <= now() or redis.call('EXISTS', head.key .. ':inbox') == 1)
if waits then next = math.min(next or lookAt, lookAt) end
setLook(head, next)
return 1
