-- Makes the record of a new identity stay.
-- KEYS[1] record; ARGV: claim.
-- 1: it stays, 0: the record of that attempt is gone.
if redis.call('HGET', KEYS[1], 'claim') ~= ARGV[1] then return 0 end
redis.call('HDEL', KEYS[1], 'pending')
redis.call('PERSIST', KEYS[1])
return 1
