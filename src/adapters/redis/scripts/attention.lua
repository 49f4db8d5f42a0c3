-- limit; gives the moment, what was found, and in pairs of key and member the looks at records of another build
local at = now()
local found = {}
local unreadable = {}
local function skip(key, member)
  unreadable[#unreadable + 1] = key
  unreadable[#unreadable + 1] = member
end

local function owedNow(head)
  local owed = {}
  if isUnsettled(head) then return owed end
  for _, name in ipairs(redis.call('ZRANGEBYSCORE', head.key .. ':look', '-inf', int(at), 'LIMIT', 0, 1000)) do
    local text = redis.call('HGET', head.key .. ':owed', name)
    if text and schemaOfOwed(text) ~= SCHEMA then
      skip(head.key .. ':look', name)
    else
      owed[#owed + 1] = name
      owed[#owed + 1] = text
    end
  end
  return owed
end

for _, id in ipairs(redis.call('ZRANGEBYSCORE', root .. ':look', '-inf', int(at), 'LIMIT', 0, ARGV[1])) do
  local schema = redis.call('HGET', keyOf(id), 'v')
  if schema and schema ~= SCHEMA then
    skip(root .. ':look', id)
  elseif schema then
    local head = load(id)
    local due = redis.call('ZSCORE', head.group .. ':due', id)
    found[#found + 1] = { head.static, due and tonumber(due) <= at and 1 or 0, owedNow(head) }
  end
end
return { at, found, unreadable }
