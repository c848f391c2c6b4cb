-- Sets a member of the app metadata unless it has a value other than null.
-- KEYS[1] record; ARGV: field, value, now in ms.
-- The value it had, '' if it had none and is set now, nil: no record.
if redis.call('EXISTS', KEYS[1]) == 0 then return false end
local old = redis.call('HGET', KEYS[1], ARGV[1])
if old and old ~= 'null' then return old end
redis.call('HINCRBY', KEYS[1], 'rev', 1)
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2], 'updated_at', ARGV[3])
return ''
