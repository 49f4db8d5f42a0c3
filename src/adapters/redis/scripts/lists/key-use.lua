-- what to do, key, id, then for reserve: body and ttlMs; for settle: outcome
local what, key, id = unpack(ARGV, 1, 3)
if what == 'reserve' then
  local known = redis.call('HMGET', key, 'v', 'body', 'id', 'outcome')
  if known[1] then
    demandSchema(known[1], 'the use of an idempotency key')
    redis.call('HSET', key, 'shared', 1)
    return { 0, known[2], known[3], known[4] }
  end
  redis.call('HSET', key, 'v', SCHEMA, 'body', ARGV[4], 'id', id)
  redis.call('PEXPIRE', key, ARGV[5])
  return { 1, ARGV[4], id, false }
end
if redis.call('HGET', key, 'id') ~= id then return 0 end
if what == 'settle' then return redis.call('HSET', key, 'outcome', ARGV[4]) end
if redis.call('HEXISTS', key, 'shared') == 1 then return 0 end
return redis.call('DEL', key)
