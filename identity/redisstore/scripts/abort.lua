-- Removes the record of a new identity, unless somebody made it stay.
-- KEYS[1] record; ARGV: claim.
-- 1: it stays, 0: it is gone.
if redis.call('HGET', KEYS[1], 'claim') ~= ARGV[1] then return 0 end
if redis.call('HEXISTS', KEYS[1], 'pending') == 0 then return 1 end
redis.call('DEL', KEYS[1])
return 0
