-- Ends the credentials issued before a time.
-- KEYS[1] record; ARGV: valid_from, now in ms.
-- 1: done, 0: no record.
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
local valid_from = tonumber(redis.call('HGET', KEYS[1], 'valid_from') or 0) or 0
local kept = tonumber(redis.call('HGET', KEYS[1], 'kept') or 0) or 0
redis.call('HINCRBY', KEYS[1], 'rev', 1)
redis.call('HSET', KEYS[1], 'updated_at', ARGV[2])
-- Later than before in any case: what was issued since then ends as well.
redis.call('HSET', KEYS[1], 'valid_from', string.format('%.0f', math.max(valid_from + 1, kept + 1, tonumber(ARGV[1]))))
return 1
