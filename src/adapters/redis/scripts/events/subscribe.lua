-- id, from, body, then class, key, bucket and definition of each place. Gives how far it has heard, where it joined, and its body.
local id, from, body = ARGV[1], ARGV[2], ARGV[3]
local key = root .. ':events:sub:' .. id
local known = redis.call('HMGET', key, 'v', 'from', 'joined', 'body')
if known[1] then
  demandSchema(known[1], 'subscription ' .. id)
  return { known[2], known[3], known[4] }
end
local joined = redis.call('HGET', root .. ':events', 'event') or '0'
if tonumber(from) > tonumber(joined) then from = joined end
local places = {}
for i = 4, #ARGV, 4 do
  local class, classKey, bucket, definition = ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3]
  -- Two filters of one subscription may stand at one place.
  if redis.call('ZADD', root .. ':events:bucket:' .. bucket, 0, id) == 1 then
    places[#places + 1] = class .. ' ' .. classKey .. ' ' .. bucket
    if redis.call('HINCRBY', root .. ':events:uses', class, 1) == 1 then
      redis.call('SET', root .. ':events:class:' .. class, definition)
      redis.call('SADD', root .. ':events:key:' .. classKey, class)
    end
  end
end
redis.call('HSET', key, 'v', SCHEMA, 'from', from, 'joined', joined, 'body', body, 'places', table.concat(places, '\n'))
redis.call('HINCRBY', root .. ':events', 'subscriptions', 1)
return { from, joined, body }
