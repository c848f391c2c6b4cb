-- Marks a reset as used. The mark stays as long as the reset would have been
-- good, so that opening it late does not revive it.
-- KEYS[1] reset; ARGV: hash, now in ms.
-- 1: done, 0: it is not open.
local old = redis.call('GET', KEYS[1])
if not old then return 0 end
local asked, expires, hash, state = string.match(old, '^(%d+) (%d+) (%x+) (%l+)$')
if not asked then return redis.error_reply('CORRUPT reset') end
if hash ~= ARGV[1] or state ~= 'open' or tonumber(expires) <= tonumber(ARGV[2]) then return 0 end
redis.call('SET', KEYS[1], asked .. ' ' .. expires .. ' ' .. hash .. ' used', 'KEEPTTL')
return 1
