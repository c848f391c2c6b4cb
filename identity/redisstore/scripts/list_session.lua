-- Puts a session on the identity's list, takes off those that have ended, and names
-- those that were used longest ago when there are too many: their records, in other
-- slots, must go before they do. Twice too many: nothing is put on it.
-- KEYS[1] record, KEYS[2] list; ARGV: id, value, now in ms, limit, id of the session
-- that this one takes the place of or "".
-- {1, id, value, ...}: listed, {2, id, value, ...}: not listed, {0}: no record.
if redis.call('EXISTS', KEYS[1]) == 0 then return {0} end
local now, limit = tonumber(ARGV[3]), tonumber(ARGV[4])
local latest = tonumber(string.match(ARGV[2], '^%d+'))
local rest, gone = {}, {}
local all = redis.call('HGETALL', KEYS[2])
for i = 1, #all, 2 do
	local ends, used = string.match(all[i + 1], '^(%d+) (%d+) ')
	if not ends or tonumber(ends) <= now then
		gone[#gone + 1] = all[i]
	elseif all[i] ~= ARGV[1] then
		if all[i] ~= ARGV[5] then
			rest[#rest + 1] = {id = all[i], value = all[i + 1], used = tonumber(used)}
		end
		latest = math.max(latest, tonumber(ends))
	end
end
table.sort(rest, function(a, b) return a.used < b.used or (a.used == b.used and a.id < b.id) end)
local reply = {1}
if #rest >= 2 * limit then reply[1] = 2 end
for i = 1, #rest - limit + 1 do
	reply[#reply + 1] = rest[i].id
	reply[#reply + 1] = rest[i].value
end
for _, id in ipairs(gone) do
	redis.call('HDEL', KEYS[2], id)
end
if reply[1] == 1 then
	redis.call('HSET', KEYS[2], ARGV[1], ARGV[2])
	redis.call('PEXPIRE', KEYS[2], string.format('%.0f', math.max(latest - now, 1)))
end
return reply
