-- group
return redis.call('ZRANGEBYSCORE', root .. ':g:' .. ARGV[1] .. ':due', '-inf', int(now()))
