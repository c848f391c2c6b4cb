-- Removes the note of a provider identity, unless somebody completed the attempt.
-- KEYS[1] record; ARGV: field of the note, note, field of the claim, claim.
-- 1: the identity has it, 0: the attempt is given up.
if redis.call('HGET', KEYS[1], ARGV[3]) == ARGV[4] then return 1 end
if redis.call('HGET', KEYS[1], ARGV[1]) == ARGV[2] then
	redis.call('HDEL', KEYS[1], ARGV[1])
end
return 0
