-- Replaces a provider identity if it still is what was read.
-- KEYS[1] record; ARGV: field, value read, new value, now in ms.
-- 1: replaced, 0: it changed or is gone.
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then return 0 end
redis.call('HINCRBY', KEYS[1], 'rev', 1)
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3], 'updated_at', ARGV[4])
return 1
