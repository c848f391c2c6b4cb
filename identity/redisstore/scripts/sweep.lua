-- Removes entries that every group is done with or that are too old, consumers
-- that are gone and groups without any.
-- KEYS[1] queue; ARGV in ms: age of an entry, silence of a consumer, of a group.
-- The number of entries removed.
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
local age, consumerGone, groupGone = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])

local function map(list)
	local m = {}
	for i = 1, #list, 2 do m[list[i]] = list[i + 1] end
	return m
end

local function id(text)
	local ms, seq = string.match(text, '^(%d+)%-?(%d*)$')
	return {ms = tonumber(ms), seq = tonumber(seq) or 0}
end

local function before(a, b)
	return a.ms < b.ms or (a.ms == b.ms and a.seq < b.seq)
end

local keep -- the first entry that some group still needs
for _, g in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
	local group = map(g)
	local consumers, newest = {}, nil
	for i, c in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[1], group.name)) do
		consumers[i] = map(c)
		newest = math.min(newest or consumers[i].idle, consumers[i].idle)
	end
	if newest and newest > groupGone then
		redis.call('XGROUP', 'DESTROY', KEYS[1], group.name)
	else
		-- The last one to be seen stays: it tells since when the group is left alone.
		for _, c in ipairs(consumers) do
			if c.idle > consumerGone and c.idle > newest and c.pending == 0 then
				redis.call('XGROUP', 'DELCONSUMER', KEYS[1], group.name, c.name)
			end
		end
		local pending = redis.call('XPENDING', KEYS[1], group.name)
		local first
		if pending[1] > 0 then
			first = id(pending[2])
		else
			first = id(group['last-delivered-id'])
			first.seq = first.seq + 1
		end
		if not keep or before(first, keep) then keep = first end
	end
end

local now = redis.call('TIME')
local oldest = {ms = now[1] * 1000 + math.floor(now[2] / 1000) - age, seq = 0}
if not keep or before(keep, oldest) then keep = oldest end
return redis.call('XTRIM', KEYS[1], 'MINID', '=', string.format('%.0f-%.0f', keep.ms, keep.seq))
