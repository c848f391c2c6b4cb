-- Removes a provider identity and its reset, unless it is the last one, and ends
-- the credentials issued before.
-- KEYS[1] record, KEYS[2] reset;
-- ARGV: field of the provider identity, field of its claim, valid_from, now in ms.
-- 1: removed, 0: there is none, 2: it is the last.
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then return 0 end
local last = true
for _, field in ipairs(redis.call('HKEYS', KEYS[1])) do
	if string.sub(field, 1, 3) == 'pi:' and field ~= ARGV[1] then last = false end
end
if last then return 2 end
local valid_from = tonumber(redis.call('HGET', KEYS[1], 'valid_from') or 0) or 0
local kept = tonumber(redis.call('HGET', KEYS[1], 'kept') or 0) or 0
redis.call('HINCRBY', KEYS[1], 'rev', 1)
redis.call('HDEL', KEYS[1], ARGV[1], ARGV[2])
redis.call('HSET', KEYS[1], 'updated_at', ARGV[4])
-- Later than before in any case: what was issued since then ends as well.
redis.call('HSET', KEYS[1], 'valid_from', string.format('%.0f', math.max(valid_from + 1, kept + 1, tonumber(ARGV[3]))))
redis.call('DEL', KEYS[2])
return 1
