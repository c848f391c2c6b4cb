-- Chooses a time for claims that are to outlive a revocation: later than any
-- before, so that every other revocation ends them.
-- KEYS[1] record; ARGV: the earliest that will do, the latest valid_from that will do,
-- the latest that will do.
-- The time, 0: no record, 1: it was revoked. A time later than the latest is when it
-- would have been, and nothing is kept.
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
local valid_from = tonumber(redis.call('HGET', KEYS[1], 'valid_from') or 0) or 0
if valid_from > tonumber(ARGV[2]) then return 1 end
local kept = tonumber(redis.call('HGET', KEYS[1], 'kept') or 0) or 0
local chosen = math.max(valid_from + 1, kept + 1, tonumber(ARGV[1]))
if chosen <= tonumber(ARGV[3]) then
	redis.call('HSET', KEYS[1], 'kept', string.format('%.0f', chosen))
end
return chosen
