-- Removes a member of the app metadata if it still is what was read, and the
-- identity with it if that was the last one.
-- KEYS[1] record, the others: what else is to go with it;
-- ARGV: field, value read, valid_from, now in ms.
-- 2: the identity is gone, 1: the member is, 0: it changed or is gone.
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then return 0 end
local last = true
for _, field in ipairs(redis.call('HKEYS', KEYS[1])) do
	if string.sub(field, 1, 4) == 'app:' and field ~= ARGV[1] then last = false end
end
if last then
	for i = 1, #KEYS do
		redis.call('DEL', KEYS[i])
	end
	return 2
end
local valid_from = tonumber(redis.call('HGET', KEYS[1], 'valid_from') or 0) or 0
local kept = tonumber(redis.call('HGET', KEYS[1], 'kept') or 0) or 0
redis.call('HINCRBY', KEYS[1], 'rev', 1)
redis.call('HDEL', KEYS[1], ARGV[1])
redis.call('HSET', KEYS[1], 'updated_at', ARGV[4])
-- Later than before in any case: what was issued since then ends as well.
redis.call('HSET', KEYS[1], 'valid_from', string.format('%.0f', math.max(valid_from + 1, kept + 1, tonumber(ARGV[3]))))
return 1
