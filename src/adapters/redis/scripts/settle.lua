-- id, version
local head = load(ARGV[1])
if not head or head.version ~= ARGV[2] or redis.call('EXISTS', head.key .. ':inbox') == 1 then return 0 end
if isUnsettled(head) then save(head, { settled = tonumber(head.version) }) end
setDue(head, dueOfTimers(head))
setLook(head, lookOfOwed(head))
if isClosed(head) then retire(head) end
return 1
