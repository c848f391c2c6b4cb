-- Appends a reset request unless too many wait.
-- KEYS[1] queue; ARGV: limit, request.
-- 1: appended, 0: too many.
if redis.call('XLEN', KEYS[1]) >= tonumber(ARGV[1]) then return 0 end
redis.call('XADD', KEYS[1], '*', 'request', ARGV[2])
return 1
