"""The Lua scripts of the task store: each is one atomic step of Redis.

Times come from Redis' own clock, so that all workers agree on what has expired.
"""

from __future__ import annotations

from f7t.tasks.connections import Script

# Writes a record if it still is what the caller read. A repeated write (its answer was lost on the
# way) is recognised by its own bytes and succeeds. A record that settles gives up its lease and
# what only its worker needed.
# KEYS: record, user index, unfinished set, lease, spec, marks, when the user's jobs changed, newest
#       answer to the task's question
# ARGV: id, expected ('' = must not exist), record, life in ms, settled, owner ('' = anybody),
#       channel, spec ('' = keep), lease in ms (0 = do not take), whether the user's jobs changed,
#       for how many ms that is remembered, for how many ms the record will be the answer to its
#       question where there is none or a change has made it worthless (0 = it asks none),
#       record with the answer that the caller knows ('' = none), when the task that asked it began
# Who waits for a change is sent the record, if it is small: it saves them a question. Of a new one
# nobody is told, since its id is not announced yet.
# The record with the answer is written if that still holds: the newest answer is neither newer nor
# from before a change, and is not forgotten yet.
# Returns {code, record now, when the user's jobs changed last in us, now in us, newest answer
# (false: it is to be found out)}: 1 written, 0 it is another one (false: gone), -1 leased to
# another.
WRITE = Script("""
local now = redis.call('TIME')
local now_ms = now[1] * 1000 + math.floor(now[2] / 1000)
local current = redis.call('GET', KEYS[1])
local changed = tonumber(redis.call('GET', KEYS[7]) or '0')
local now_us = now[1] * 1000000 + now[2]
local answer = redis.call('GET', KEYS[8])
local function result(code, record) return {code, record, changed, now_us, answer} end
if current and (current == ARGV[3] or current == ARGV[13]) then return result(1, current) end
local holder = redis.call('GET', KEYS[4])
if ARGV[6] ~= '' and holder and holder ~= ARGV[6] then return result(-1, current) end
if (current or '') ~= ARGV[2] then return result(0, current) end
if ARGV[10] == '1' then
  changed = math.max(now_us, changed + 1)
  redis.call('SET', KEYS[7], string.format('%.0f', changed), 'PX', ARGV[11])
end
local record, settled = ARGV[3], ARGV[5]
local newest = tonumber(string.match(answer or '0', '^%d+'))
if ARGV[13] ~= '' and newest > changed and tonumber(ARGV[14]) >= newest then
  record, settled = ARGV[13], '1'
end
local life = tonumber(ARGV[4])
redis.call('SET', KEYS[1], record, 'PX', life)
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now_ms)
redis.call('ZADD', KEYS[2], now_ms + life, ARGV[1])
if redis.call('PTTL', KEYS[2]) < life then redis.call('PEXPIRE', KEYS[2], life) end
if settled == '1' then
  redis.call('SREM', KEYS[3], ARGV[1])
  redis.call('DEL', KEYS[4], KEYS[5], KEYS[6])
else
  redis.call('SADD', KEYS[3], ARGV[1])
  if ARGV[8] ~= '' then redis.call('SET', KEYS[5], ARGV[8], 'PX', life)
  else redis.call('PEXPIRE', KEYS[5], life) end
  redis.call('PEXPIRE', KEYS[6], life)
  if tonumber(ARGV[9]) > 0 then redis.call('SET', KEYS[4], ARGV[6], 'PX', ARGV[9]) end
end
if ARGV[12] ~= '0' and newest <= changed then
  redis.call('SET', KEYS[8], string.format('%.0f ', now_us) .. ARGV[1], 'PX', ARGV[12])
  answer = false
end
if current then
  redis.call('PUBLISH', ARGV[7], ARGV[1] .. ' ' .. (#record <= 4096 and record or ''))
end
return result(1, record)
""")

# KEYS: lease. ARGV: owner, ms. Returns 1 when the owner holds the lease now.
CLAIM = Script("""
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
""")

# A lease that vanished (Redis was away for longer than its life) is taken again unless somebody
# else has it. KEYS: unfinished set, leases… ARGV: owner, ms, ids…
# Returns per id: 1 held, 0 held by another, 2 there is nothing left to do.
RENEW = Script("""
local states = {}
for i = 2, #KEYS do
  local holder = redis.call('GET', KEYS[i])
  if redis.call('SISMEMBER', KEYS[1], ARGV[i + 1]) == 0 then
    states[i - 1] = 2
  elseif holder and holder ~= ARGV[1] then
    states[i - 1] = 0
  else
    redis.call('SET', KEYS[i], ARGV[1], 'PX', ARGV[2])
    states[i - 1] = 1
  end
end
return states
""")

# KEYS: leases… ARGV: owner
RELEASE = Script("""
for i = 1, #KEYS do
  if redis.call('GET', KEYS[i]) == ARGV[1] then redis.call('DEL', KEYS[i]) end
end
return #KEYS
""")

# Forgets the ids of records that expired on the way.
# KEYS: unfinished set. ARGV: prefix of records, prefix of leases
ABANDONED = Script("""
local found = {}
for _, id in ipairs(redis.call('SMEMBERS', KEYS[1])) do
  if redis.call('EXISTS', ARGV[1] .. id) == 0 then
    redis.call('SREM', KEYS[1], id)
  elseif redis.call('EXISTS', ARGV[2] .. id) == 0 then
    found[#found + 1] = id
  end
end
return found
""")

# KEYS: marks, lease, record. ARGV: step, value unique to this call, owner
# Returns 1 the first time, 0 later, -1 leased to another, -2 the task is gone.
MARK = Script("""
local holder = redis.call('GET', KEYS[2])
if holder and holder ~= ARGV[3] then return -1 end
local life = redis.call('PTTL', KEYS[3])
if life <= 0 then return -2 end
redis.call('HSETNX', KEYS[1], ARGV[1], ARGV[2])
redis.call('PEXPIRE', KEYS[1], life)
if redis.call('HGET', KEYS[1], ARGV[1]) == ARGV[2] then return 1 end
return 0
""")
