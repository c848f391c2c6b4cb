-- Counts an event in a bucket if there is place, by the generic cell rate
-- algorithm (ITU-T I.371, annex A, "virtual scheduling"), by the server's clock.
-- KEYS[1] when the bucket will be empty, in us; ARGV: us that one event takes, events in a full bucket.
-- {1: counted or 0: no place, us until there is place, us until the bucket is empty, now in us}
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local interval = tonumber(ARGV[1])
local full = interval * tonumber(ARGV[2])
local empty = now
local stored = redis.call('GET', KEYS[1])
if stored then
  empty = tonumber(stored)
  if not empty then return redis.error_reply('CORRUPT bucket') end
  -- A clock that was set back, or a smaller bucket than before, keeps nobody out for longer.
  empty = math.min(math.max(empty, now), now + full)
end
if empty + interval > now + full then return {0, empty + interval - now - full, empty - now, now} end
empty = empty + interval
redis.call('SET', KEYS[1], string.format('%.0f', empty), 'PX', math.ceil((empty - now) / 1000))
return {1, 0, empty - now, now}
