local workers = redis.call('ZRANGEBYSCORE', root .. ':workers', '(' .. now(), '+inf')
local announced = {}
for i, worker in ipairs(workers) do announced[i] = redis.call('HGET', root .. ':announced', worker) or '[]' end
return { redis.call('HGETALL', root .. ':known'), announced }
