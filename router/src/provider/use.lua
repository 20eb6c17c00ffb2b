-- One more use of a key, if each of its limits has room for it: nothing then, and else how long to wait, in ms.
-- KEYS: for each limit the ends of its uses, and their tokens, the sum of which has no name. ARGV: the use, its tokens, and for
-- each limit the requests, the tokens, and how long a use counts, in ms; -1 is no limit.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local tokens = tonumber(ARGV[2])
local wait = 0
for window = 1, #KEYS / 2 do
  local ends, held = KEYS[2 * window - 1], KEYS[2 * window]
  for _, over in ipairs(redis.call('ZRANGEBYSCORE', ends, '-inf', now, 'LIMIT', 0, 1000)) do
    redis.call('ZREM', ends, over)
    redis.call('HINCRBY', held, '', '-' .. (redis.call('HGET', held, over) or '0'))
    redis.call('HDEL', held, over)
  end
  local requests, most = tonumber(ARGV[3 * window]), tonumber(ARGV[3 * window + 1])
  local count = redis.call('ZCARD', ends)
  -- What alone is more than the limit has room when nothing else counts.
  if count > 0 then
    local used = tonumber(redis.call('HGET', held, '') or '0') + tokens
    if (requests >= 0 and count >= requests) or (most >= 0 and used > most) then
      local first = redis.call('ZRANGE', ends, 0, 0, 'WITHSCORES')
      wait = math.max(wait, first[2] - now, 1)
    end
  end
end
if wait > 0 then
  return wait
end
for window = 1, #KEYS / 2 do
  local ends, held, lasts = KEYS[2 * window - 1], KEYS[2 * window], ARGV[3 * window + 2]
  redis.call('ZADD', ends, now + lasts, ARGV[1])
  redis.call('HSET', held, ARGV[1], ARGV[2])
  redis.call('HINCRBY', held, '', ARGV[2])
  redis.call('PEXPIRE', ends, lasts)
  redis.call('PEXPIRE', held, lasts)
end
return 0
