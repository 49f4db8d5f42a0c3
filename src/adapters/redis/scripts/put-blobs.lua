-- execution, what it may wait for its start in seconds, then hash and text of each
local key = keyOf(ARGV[1])
for i = 3, #ARGV, 2 do redis.call('HSET', key .. ':blobs', ARGV[i], ARGV[i + 1]) end
if redis.call('EXISTS', key) == 0 then redis.call('EXPIRE', key .. ':blobs', ARGV[2]) end
return 1
