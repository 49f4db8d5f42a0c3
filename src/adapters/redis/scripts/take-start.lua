-- KEYS[1]: when the starts taken so far are paid for, in microseconds (the generic cell rate algorithm); ARGV: starts a second
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local step = 1000000 / tonumber(ARGV[1])
local paid = math.max(tonumber(redis.call('GET', KEYS[1]) or 0), now)
local wait = paid + step - 1000000 - now
if wait > 0 then return math.ceil(wait / 1000) end
redis.call('SET', KEYS[1], string.format('%.0f', paid + step), 'PX', 2000)
return 0
