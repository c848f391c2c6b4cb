-- Notes that a session was used and when it ends now, unless something later is known.
-- KEYS[1] list; ARGV: id, used in ms, end in ms, now in ms.
-- 1: noted, 0: it is not on the list.
local old = redis.call('HGET', KEYS[1], ARGV[1])
if not old then return 0 end
local ends, used, about = string.match(old, '^(%d+) (%d+) (.*)$')
if not ends then return redis.error_reply('CORRUPT session list') end
local left = redis.call('PTTL', KEYS[1])
ends = math.max(tonumber(ends), tonumber(ARGV[3]))
used = math.max(tonumber(used), tonumber(ARGV[2]))
redis.call('HSET', KEYS[1], ARGV[1], string.format('%.0f %.0f ', ends, used) .. about)
if ends - tonumber(ARGV[4]) > left then
	redis.call('PEXPIRE', KEYS[1], string.format('%.0f', ends - tonumber(ARGV[4])))
end
return 1
