-- closedForMs, letteredForMs, limit; gives id and record of each execution that is gone and not yet confirmed
local closedFor, letteredFor, limit = unpack(ARGV)
local expired = root .. ':expired'
local at = now()
local room = limit - redis.call('HLEN', expired)

local function removeLetters(head, tenant)
  local texts = {}
  local letters = redis.call('HGETALL', head.key .. ':letters')
  for i = 1, #letters, 2 do
    local id = letters[i]
    local key = root .. ':letter:' .. id
    local parkedAt = redis.call('HGET', key, 'parkedAt')
    redis.call('DEL', key)
    redis.call('ZREM', root .. ':letters', id)
    if parkedAt then
      redis.call('ZREM', root .. ':letters:' .. tenant, string.format('%015.0f', parkedAt) .. ' ' .. id)
    end
    texts[#texts + 1] = id .. '=' .. letters[i + 1]
  end
  return table.concat(texts, ',')
end

-- What it leaves is one record, until somebody confirms that the lists have forgotten it too.
local function remove(head)
  local known = cjson.decode(head.static)
  local letters = removeLetters(head, known.tenant)
  redis.call('HSET', expired, head.id, SCHEMA .. ' ' .. head.startedAt .. ' ' .. letters .. ' ' .. head.static)
  redis.call('UNLINK', head.key, head.key .. ':log', head.key .. ':inbox', head.key .. ':ids', head.key .. ':owed',
    head.key .. ':look', head.key .. ':fire', head.key .. ':snapshot', head.key .. ':letters', head.key .. ':blobs')
  redis.call('LREM', head.group .. ':runs', 1, head.id)
  setDue(head, nil)
  setLook(head, nil)
  countNaming(known.tenant, known.definition.digest, -1)
end

local function expire(index, before)
  if room <= 0 then return end
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', index, '-inf', int(before), 'LIMIT', 0, int(room))) do
    local schema = redis.call('HGET', keyOf(id), 'v')
    if schema and schema ~= SCHEMA then
      -- Another build may know it; it must not stand before what this one can remove.
      redis.call('ZADD', index, int(before + 60000), id)
    else
      local head = load(id)
      redis.call('ZREM', index, id)
      if head and isClosed(head) and not isUnsettled(head) then
        remove(head)
        room = room - 1
      end
    end
  end
end

expire(root .. ':closed', at - tonumber(closedFor))
expire(root .. ':lettered', at - math.max(tonumber(closedFor), tonumber(letteredFor)))
return redis.call('HGETALL', expired)
