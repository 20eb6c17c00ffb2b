-- A router tells that a key is closed. What is known of an end only ever gets later.
-- KEYS: news, ends, standings. ARGV: the key's name, its standing, and how long it is closed, in ms.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
for _, over in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now, 'LIMIT', 0, 100)) do
  redis.call('ZREM', KEYS[2], over)
  redis.call('HDEL', KEYS[3], over)
end
local ends = now + ARGV[3]
local known = redis.call('ZSCORE', KEYS[2], ARGV[1])
if known and tonumber(known) >= ends then
  return 0
end
redis.call('ZADD', KEYS[2], ends, ARGV[1])
redis.call('HSET', KEYS[3], ARGV[1], ARGV[2])
redis.call('INCR', KEYS[1])
return 1
