-- Sets for how long a request counts as left alone, if the consumer still has it.
-- KEYS[1] queue; ARGV: group, consumer, id, idle time in ms.
local pending = redis.pcall('XPENDING', KEYS[1], ARGV[1], ARGV[3], ARGV[3], 1, ARGV[2])
if pending.err then return pending end
if pending[1] then
	redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, ARGV[3],
		'IDLE', ARGV[4], 'RETRYCOUNT', pending[1][4], 'JUSTID')
end
return 0
