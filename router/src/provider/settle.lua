-- What a use of a key came to.
-- KEYS: the tokens of each limit. ARGV: the use, and its tokens.
for _, held in ipairs(KEYS) do
  local known = redis.call('HGET', held, ARGV[1])
  if known then
    redis.call('HINCRBY', held, '', string.format('%.0f', ARGV[2] - known))
    redis.call('HSET', held, ARGV[1], ARGV[2])
  end
end
return 0
