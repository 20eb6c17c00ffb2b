-- One more request of a tenant, if any minute has room for it.
-- KEYS: the log. ARGV: the limit, a router, the number of the request, and the number and age in ms of each that was let in
-- while the store was away.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local minute = 60000000
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - minute)
for at = 4, #ARGV, 2 do
  redis.call('ZADD', KEYS[1], now - ARGV[at + 1] * 1000, ARGV[2] .. ':' .. ARGV[at])
end
redis.call('PEXPIRE', KEYS[1], 60000)
local used = redis.call('ZCARD', KEYS[1])
local left = function(at)
  local found = redis.call('ZRANGE', KEYS[1], at, at, 'WITHSCORES')
  return math.ceil(((found[2] or now) + minute - now) / 1000)
end
if used >= tonumber(ARGV[1]) then
  return { 0, used, left(0), left(-1) }
end
redis.call('ZADD', KEYS[1], now, ARGV[2] .. ':' .. ARGV[3])
redis.call('PEXPIRE', KEYS[1], 60000)
return { 1, used + 1, 0, 60000 }
