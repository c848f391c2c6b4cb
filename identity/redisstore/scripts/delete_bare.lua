-- Deletes an identity that is nobody: no app metadata, and no other provider
-- identity than the one.
-- KEYS[1] record, the others: what else is to go with it;
-- ARGV: claim of the record, field of the provider identity.
-- 1: it is gone, 2: it is somebody, 3: it is getting another provider identity,
-- 0: it is another record or none.
if redis.call('HGET', KEYS[1], 'claim') ~= ARGV[1] then return 0 end
local has, getting = false, false
for _, field in ipairs(redis.call('HKEYS', KEYS[1])) do
	if field == ARGV[2] then
		has = true
	elseif string.sub(field, 1, 4) == 'app:' or string.sub(field, 1, 3) == 'pi:' then
		return 2
	elseif string.sub(field, 1, 4) == 'add:' then
		getting = true
	end
end
if not has then return 2 end
if getting then return 3 end
for i = 1, #KEYS do
	redis.call('DEL', KEYS[i])
end
return 1
