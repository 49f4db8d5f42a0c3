-- name's key, name's place in the list, version, digest, definition, document, source
local name, place, version, digest = unpack(ARGV, 1, 4)
local versions = root .. ':versions:' .. name
local known = redis.call('HGET', versions, version)
if known then
  local isListed, createdAt, registered = versionOf(known)
  if registered ~= digest then return 'conflict' end
  if isListed == '1' then return 'identical' end
  redis.call('HSET', versions, version, versionText(1, createdAt, digest))
  redis.call('ZADD', root .. ':names', 0, place)
  listed(digest)
  return 'created'
end
redis.call('HSET', versions, version, versionText(1, now(), digest))
redis.call('ZADD', root .. ':names', 0, place)
document(digest, ARGV[5], ARGV[6], ARGV[7])
listed(digest)
return redis.call('HLEN', versions) == 1 and 'created-first' or 'created'
