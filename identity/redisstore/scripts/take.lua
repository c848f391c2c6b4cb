-- Gives a consumer what is due: requests left alone for the length of the lease,
-- then new ones.
-- KEYS[1] queue; ARGV: group, consumer, lease in ms, limit.
-- A list of {id, attempt, fields}; false for fields when the entry was removed.
local limit = tonumber(ARGV[4])
local due = redis.pcall('XPENDING', KEYS[1], ARGV[1], 'IDLE', ARGV[3], '-', '+', limit)
if due.err then return due end
local taken = {}
for _, pending in ipairs(due) do
	local entry = redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, pending[1])[1]
	taken[#taken + 1] = {pending[1], pending[4] + 1, entry and entry[2] or false}
end
if #taken < limit then
	local fresh = redis.call('XREADGROUP', 'GROUP', ARGV[1], ARGV[2], 'COUNT', limit - #taken, 'STREAMS', KEYS[1], '>')
	for _, entry in ipairs(fresh and fresh[1][2] or {}) do
		taken[#taken + 1] = {entry[1], 1, entry[2]}
	end
end
return taken
