-- An account of all routers: each has a part of what was spent, which it tells as a whole, and so much set aside.
-- KEYS: the sum, the parts, what is set aside. ARGV: the part's name, the router, where routers show that they are there, the
-- budget, whether what is set aside counts, the window's length and begin in ms, whether it was agreed on before, the part,
-- what the router has set aside, and the amount of each request that wants to be let in.
local sum, parts, reserved = KEYS[1], KEYS[2], KEYS[3]
local budget, length, begin = tonumber(ARGV[4]), tonumber(ARGV[6]), tonumber(ARGV[7])
local part, mine = tonumber(ARGV[9]), tonumber(ARGV[10])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

-- The window of all begins where the first one's did, and goes on by the store's clock. One that a router began while the
-- store was away holds, unless that router's clock is ahead.
local current = tonumber(redis.call('HGET', sum, 'begin') or '-1')
local is_known = current >= 0
if length > 0 then
  local is = current
  if not is_known then
    is = begin
    if begin > now then is = now end
  end
  if ARGV[8] == '1' and begin > is and begin <= now + 1000 then is = begin end
  if now >= is + length then is = is + math.floor((now - is) / length) * length end
  if is ~= current then
    redis.call('DEL', sum, parts)
    redis.call('HSET', sum, 'begin', is)
    current = is
  end
elseif not is_known then
  current = 0
  redis.call('HSET', sum, 'begin', 0)
end

local told = tonumber(redis.call('HGET', parts, ARGV[1]) or '0')
local agrees = length == 0 or begin == current
if agrees and part > told then
  redis.call('HSET', parts, ARGV[1], part)
  redis.call('HINCRBY', sum, 'spent', string.format('%.0f', part - told))
  told = part
end
local spent = tonumber(redis.call('HGET', sum, 'spent') or '0')

local others = 0
local all = redis.call('HGETALL', reserved)
for at = 1, #all, 2 do
  if all[at] ~= ARGV[2] then
    if redis.call('EXISTS', ARGV[3] .. all[at]) == 1 then
      others = others + tonumber(all[at + 1])
    else
      redis.call('HDEL', reserved, all[at])
    end
  end
end

local admitted, verdict = 0, 0
if agrees then
  local total = others + mine
  for at = 11, #ARGV do
    if spent >= budget then verdict = 1 break end
    if ARGV[5] == '1' and spent + total >= budget then verdict = 2 break end
    total = total + tonumber(ARGV[at])
    mine = mine + tonumber(ARGV[at])
    admitted = admitted + 1
  end
end
if mine > 0 then redis.call('HSET', reserved, ARGV[2], mine) else redis.call('HDEL', reserved, ARGV[2]) end
local left = 0
if length > 0 then
  left = current + length - now
  for _, key in ipairs(KEYS) do redis.call('PEXPIRE', key, 2 * length) end
end
return { current, spent, told, admitted, verdict, left }
