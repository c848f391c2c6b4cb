-- Ends the credentials issued before a time that was chosen for others.
-- KEYS[1] record; ARGV: valid_from, now in ms.
-- 1: done, 0: no record, 2: a later revocation ended those too, or a later time was
-- chosen meanwhile, which this one would not end.
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
local valid_from = tonumber(redis.call('HGET', KEYS[1], 'valid_from') or 0) or 0
local kept = tonumber(redis.call('HGET', KEYS[1], 'kept') or 0) or 0
if math.max(valid_from, kept) > tonumber(ARGV[1]) then return 2 end
redis.call('HINCRBY', KEYS[1], 'rev', 1)
redis.call('HSET', KEYS[1], 'valid_from', ARGV[1], 'updated_at', ARGV[2])
return 1
