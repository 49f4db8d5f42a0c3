-- digest, definition, document, source
local digest = ARGV[1]
local key = root .. ':document:' .. digest
if redis.call('EXISTS', key) == 0 then document(unpack(ARGV)) end
if redis.call('HGET', key, 'listed') ~= '1' then idle(digest) end
return 1
