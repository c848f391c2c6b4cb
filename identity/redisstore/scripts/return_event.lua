-- Takes an event out of a bucket again, less what time has emptied since.
-- KEYS[1] as in take_event; ARGV: us that one event takes, when it was counted.
-- 1: done, 0: there was nothing left of it.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local interval = tonumber(ARGV[1])
local rest = interval - math.max(now - tonumber(ARGV[2]), 0)
local stored = redis.call('GET', KEYS[1])
if not stored or rest <= 0 then return 0 end
local empty = tonumber(stored)
if not empty then return redis.error_reply('CORRUPT bucket') end
empty = empty - rest
if empty > now then
  redis.call('SET', KEYS[1], string.format('%.0f', empty), 'PX', math.ceil((empty - now) / 1000))
else
  redis.call('DEL', KEYS[1])
end
return 1
