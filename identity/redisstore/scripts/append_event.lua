-- Appends an event and removes those that are too old, by the server's clock,
-- which also makes their ids.
-- KEYS[1] stream; ARGV: age in ms, then fields and values in turn.
-- The id of the entry.
local now = redis.call('TIME')
local oldest = now[1] * 1000 + math.floor(now[2] / 1000) - tonumber(ARGV[1])
return redis.call('XADD', KEYS[1], 'MINID', '=', string.format('%.0f', math.max(oldest, 0)), '*', unpack(ARGV, 2))
