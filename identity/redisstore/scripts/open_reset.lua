-- Makes a reset the valid one, unless a later one came, it was used, or an open
-- one is still protected.
-- KEYS[1] record, KEYS[2] reset;
-- ARGV: field of the provider identity, asked at in ms, hash, value, time to live in ms,
-- cooldown in ms.
-- 1: it is valid, 2: it is not and will not be, 0: no such provider identity.
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then return 0 end
local old = redis.call('GET', KEYS[2])
if old then
	local asked, _, hash, state = string.match(old, '^(%d+) (%d+) (%x+) (%l+)$')
	if not asked then return redis.error_reply('CORRUPT reset') end
	if hash == ARGV[3] then
		return state == 'open' and 1 or 2
	end
	local later = tonumber(asked) - tonumber(ARGV[2])
	-- Of two in the same millisecond one has to be the later.
	if later > 0 or (later == 0 and hash > ARGV[3]) then return 2 end
	if state == 'open' and -later < tonumber(ARGV[6]) then return 2 end
end
redis.call('SET', KEYS[2], ARGV[4], 'PX', ARGV[5])
return 1
