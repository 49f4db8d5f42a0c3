-- what to take out: 'ids', then ids; or 'execution', then the id of one
local ids = {}
if ARGV[1] == 'execution' then
  -- '/' is what follows '.'
  ids = redis.call('ZRANGEBYLEX', root .. ':events:subs', '[' .. ARGV[2] .. '.', '(' .. ARGV[2] .. '/')
else
  for i = 2, #ARGV do ids[#ids + 1] = ARGV[i] end
end
for _, id in ipairs(ids) do
  local key = root .. ':events:sub:' .. id
  local places = redis.call('HGET', key, 'places')
  if places then
    for class, classKey, bucket in string.gmatch(places, '(%S+) (%S+) (%S+)') do
      redis.call('ZREM', root .. ':events:bucket:' .. bucket, id)
      if redis.call('HINCRBY', root .. ':events:uses', class, -1) <= 0 then
        redis.call('HDEL', root .. ':events:uses', class)
        redis.call('DEL', root .. ':events:class:' .. class)
        redis.call('SREM', root .. ':events:key:' .. classKey, class)
      end
    end
    redis.call('DEL', key)
    redis.call('ZREM', root .. ':events:subs', id)
  end
end
return 1
