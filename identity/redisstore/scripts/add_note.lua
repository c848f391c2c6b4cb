-- Notes a provider identity that the identity is to get.
-- KEYS[1] record; ARGV: claim of the record, field of the provider identity,
-- field of the note, note, the latest valid_from that will do.
-- 1: noted, 0: it is another record, was revoked, or has or is getting one of
-- that provider.
if redis.call('HGET', KEYS[1], 'claim') ~= ARGV[1] then return 0 end
if (tonumber(redis.call('HGET', KEYS[1], 'valid_from') or 0) or 0) > tonumber(ARGV[5]) then return 0 end
if redis.call('HEXISTS', KEYS[1], ARGV[2]) == 1 then return 0 end
if redis.call('HEXISTS', KEYS[1], ARGV[3]) == 1 then return 0 end
redis.call('HSET', KEYS[1], ARGV[3], ARGV[4])
return 1
