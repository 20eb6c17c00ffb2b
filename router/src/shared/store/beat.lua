-- A router shows that it is there, and hears of closed keys when there is news.
-- KEYS: alive, life, news, ends, standings. ARGV: a new life, the news that are known, and how long silence is borne, in ms.
redis.call('SET', KEYS[1], '1', 'PX', ARGV[3])
local life = redis.call('GET', KEYS[2])
if not life then
  life = ARGV[1]
  redis.call('SET', KEYS[2], life)
end
local news = redis.call('GET', KEYS[3]) or '0'
local told = { life, news }
if news == ARGV[2] then
  return told
end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local closed = redis.call('ZRANGEBYSCORE', KEYS[4], now, '+inf', 'WITHSCORES')
for at = 1, #closed, 2 do
  told[#told + 1] = closed[at]
  told[#told + 1] = redis.call('HGET', KEYS[5], closed[at]) or ''
  told[#told + 1] = string.format('%.0f', closed[at + 1] - now)
end
return told
