-- digest, idleMs, key of the name it has, its version
local digest, idle, name, version = unpack(ARGV)
local since = redis.call('ZSCORE', root .. ':idle', digest)
if not since or tonumber(since) > now() - tonumber(idle) then return 0 end
redis.call('ZREM', root .. ':idle', digest)
redis.call('DEL', root .. ':document:' .. digest, root .. ':resources:' .. digest)
local known = redis.call('HGET', root .. ':versions:' .. name, version)
if known then
  local isListed, _, registered = versionOf(known)
  if isListed == '0' and registered == digest then redis.call('HDEL', root .. ':versions:' .. name, version) end
end
return 1
