-- Marks a reset as used, stores the new provider identity and ends the
-- credentials issued before.
-- KEYS[1] record, KEYS[2] reset, the others: resets that are to go;
-- ARGV: hash, now in ms, field of the provider identity, new value, valid_from;
-- if anything is to be dropped: revision of the record, fields that are to go.
-- 1: done, 0: the reset is not open, 2: the record is of another revision.
local old = redis.call('GET', KEYS[2])
if not old then return 0 end
local asked, expires, hash, state = string.match(old, '^(%d+) (%d+) (%x+) (%l+)$')
if not asked then return redis.error_reply('CORRUPT reset') end
if hash ~= ARGV[1] or state ~= 'open' or tonumber(expires) <= tonumber(ARGV[2]) then return 0 end
if redis.call('HEXISTS', KEYS[1], ARGV[3]) == 0 then return 0 end
local gone = {}
if ARGV[6] then
	if (redis.call('HGET', KEYS[1], 'rev') or '') ~= ARGV[6] then return 2 end
	for i = 7, #ARGV do
		gone[#gone + 1] = ARGV[i]
	end
	-- Notes of additions, also those that were made since.
	for _, field in ipairs(redis.call('HKEYS', KEYS[1])) do
		if string.sub(field, 1, 4) == 'add:' then gone[#gone + 1] = field end
	end
end
local valid_from = tonumber(redis.call('HGET', KEYS[1], 'valid_from') or 0) or 0
local kept = tonumber(redis.call('HGET', KEYS[1], 'kept') or 0) or 0
redis.call('HINCRBY', KEYS[1], 'rev', 1)
redis.call('HSET', KEYS[1], ARGV[3], ARGV[4], 'updated_at', ARGV[2])
-- Later than before in any case: what was issued since then ends as well.
redis.call('HSET', KEYS[1], 'valid_from', string.format('%.0f', math.max(valid_from + 1, kept + 1, tonumber(ARGV[5]))))
for _, field in ipairs(gone) do
	redis.call('HDEL', KEYS[1], field)
end
for i = 3, #KEYS do
	redis.call('DEL', KEYS[i])
end
redis.call('SET', KEYS[2], asked .. ' ' .. expires .. ' ' .. hash .. ' used', 'KEEPTTL')
return 1
