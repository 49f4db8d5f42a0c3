-- name's key, name's place in the list, version ('' = all)
local name, place, only = unpack(ARGV)
local versions = root .. ':versions:' .. name
local flat = redis.call('HGETALL', versions)
local unlisted, left = 0, 0
for i = 1, #flat, 2 do
  local isListed, createdAt, digest = versionOf(flat[i + 1])
  if isListed == '1' then
    if only == '' or only == flat[i] then
      redis.call('HSET', versions, flat[i], versionText(0, createdAt, digest))
      idle(digest)
      unlisted = unlisted + 1
    else
      left = left + 1
    end
  end
end
if left == 0 then redis.call('ZREM', root .. ':names', place) end
return unlisted
