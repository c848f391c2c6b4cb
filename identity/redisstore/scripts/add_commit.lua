-- Puts a provider identity in the place of its note, unless a revocation came
-- since the person was proven.
-- KEYS[1] record; ARGV: field of the note, note, field of the claim, claim,
-- field of the provider identity, provider identity, now in ms, the latest
-- valid_from that will do.
-- 1: the identity has it, 0: that attempt is given up.
if redis.call('HGET', KEYS[1], ARGV[3]) == ARGV[4] then return 1 end
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then return 0 end
if (tonumber(redis.call('HGET', KEYS[1], 'valid_from') or 0) or 0) > tonumber(ARGV[8]) then
	redis.call('HDEL', KEYS[1], ARGV[1])
	return 0
end
redis.call('HINCRBY', KEYS[1], 'rev', 1)
redis.call('HSET', KEYS[1], ARGV[3], ARGV[4], ARGV[5], ARGV[6], 'updated_at', ARGV[7])
redis.call('HDEL', KEYS[1], ARGV[1])
return 1
