-- id, leaseMs, names
local head = load(ARGV[1])
local kept = {}
for i = 3, #ARGV do
  local entry = head and owedEntry(head, ARGV[i])
  if isLive(entry or nil) then
    lookAgain(head, entry, now() + tonumber(ARGV[2]))
    putOwed(head, entry)
    kept[#kept + 1] = 1
  else
    kept[#kept + 1] = 0
  end
end
if head then refreshLook(head) end
return kept
