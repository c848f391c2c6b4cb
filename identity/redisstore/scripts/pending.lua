-- Writes the record of a new identity, to be gone after a while.
-- KEYS[1] record; ARGV: time to live in ms, then fields and values in turn.
-- 1: written, 0: there is one with that id.
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
for i = 2, #ARGV, 2 do
	redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1])
end
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return 1
