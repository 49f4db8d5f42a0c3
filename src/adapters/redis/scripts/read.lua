-- as readLog
return readLog(unpack(ARGV))
