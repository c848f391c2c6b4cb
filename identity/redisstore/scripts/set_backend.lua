-- Sets the backend's id for an identity in place of another or none.
-- KEYS[1] record; ARGV: the id it has ('' for none), the new one, now in ms.
-- 1: it has the new one, 0: it has another, 2: no record.
if redis.call('EXISTS', KEYS[1]) == 0 then return 2 end
local old = redis.call('HGET', KEYS[1], 'backend_id') or ''
if old == ARGV[2] then return 1 end
if old ~= ARGV[1] then return 0 end
redis.call('HINCRBY', KEYS[1], 'rev', 1)
redis.call('HSET', KEYS[1], 'backend_id', ARGV[2], 'updated_at', ARGV[3])
return 1
