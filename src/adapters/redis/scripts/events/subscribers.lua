-- bucket, id after which, limit; with an empty bucket: the one subscription of that id
local bucket, after, limit = ARGV[1], ARGV[2], ARGV[3]
local ids = { after }
if bucket ~= '' then
  local from = after == '' and '-' or '(' .. after
  ids = redis.call('ZRANGEBYLEX', root .. ':events:bucket:' .. bucket, from, '+', 'LIMIT', 0, limit)
end
local found = {}
for _, id in ipairs(ids) do
  local known = redis.call('HMGET', root .. ':events:sub:' .. id, 'v', 'from', 'joined', 'body')
  if known[1] then
    demandSchema(known[1], 'subscription ' .. id)
    found[#found + 1] = { known[2], known[3], known[4] }
  end
end
return found
