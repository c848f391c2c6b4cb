-- Deletes an index key if it still has that value.
-- KEYS[1] index key; ARGV: value.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])
