-- ids
for _, id in ipairs(ARGV) do
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
    redis.call('HINCRBY', root .. ':events', 'subscriptions', -1)
  end
end
return 1
