-- Put before every script of the lists. KEYS[1] is what all of their keys begin with.
local root = KEYS[1]
local SCHEMA = '1'

local function now()
  local time = redis.call('TIME')
  return string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
end

local function demandSchema(schema, what)
  if schema ~= SCHEMA then
    error({ err = 'CORRUPT ' .. what .. ' has schema ' .. tostring(schema) .. ', this build knows ' .. SCHEMA })
  end
end

-- A version of a definition: schema, whether it is listed (0 or 1), when it was put, digest.
local function versionOf(text)
  local schema, listed, createdAt, digest = string.match(text, '^(%d+) ([01]) (%d+) (.*)$')
  demandSchema(schema or string.match(text, '^%d+'), 'a definition')
  return listed, createdAt, digest
end

local function versionText(listed, createdAt, digest)
  return SCHEMA .. ' ' .. listed .. ' ' .. createdAt .. ' ' .. digest
end

local function document(digest, definition, text, source)
  redis.call('HSET', root .. ':document:' .. digest, 'v', SCHEMA, 'definition', definition, 'document', text, 'source', source,
    'createdAt', now())
end

-- From now on nobody needs it to start anything, unless he says so again. A document is idle or listed.
local function idle(digest)
  redis.call('ZADD', root .. ':idle', now(), digest)
  redis.call('HSET', root .. ':document:' .. digest, 'listed', '0')
end

local function listed(digest)
  redis.call('ZREM', root .. ':idle', digest)
  redis.call('HSET', root .. ':document:' .. digest, 'listed', '1')
end
