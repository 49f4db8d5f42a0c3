-- id, name
local head = load(ARGV[1])
local entry = head and owedEntry(head, ARGV[2])
if not entry then return 0 end
local claims = math.max(entry.claims - 1, 0)
entry.claims = int(claims)
entry.deaths = int(math.min(entry.deaths, claims))
putOwed(head, entry)
return 1
