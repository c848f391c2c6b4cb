-- Replaces the record of a session if it still is what was read.
-- KEYS[1] session; ARGV: record read, new record, time to live in ms.
-- 1: replaced, 0: there is none, 2: it changed.
local old = redis.call('GET', KEYS[1])
if not old then return 0 end
if old ~= ARGV[1] then return 2 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1
