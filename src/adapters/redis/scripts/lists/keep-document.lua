-- digest, definition, document, source
if redis.call('EXISTS', root .. ':document:' .. ARGV[1]) == 0 then document(unpack(ARGV)) end
return 1
