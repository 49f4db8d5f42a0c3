-- group, then as readLog: what is due, and the log of the guess if that is due
local group, id = unpack(ARGV, 1, 2)
local due = redis.call('ZRANGEBYSCORE', root .. ':g:' .. group .. ':due', '-inf', int(now()))
for _, each in ipairs(due) do
  if each == id then return { due, readLog(unpack(ARGV, 2)) } end
end
return { due, false }
