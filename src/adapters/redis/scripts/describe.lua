-- id
local head = load(ARGV[1])
if not head then return nil end
local events = head.key .. ':log'
return {
  shown(head), now(), redis.call('XRANGE', events, '-', '+', 'COUNT', 1), redis.call('XREVRANGE', events, '+', '-', 'COUNT', 1),
  redis.call('HGETALL', head.key .. ':owed'), redis.call('LLEN', head.key .. ':inbox'),
}
