/** The format of what a coordinator keeps in Redis, in the field `format`. */
export const coordinatorFormat = 1;

/** A script's refusal when what is kept has a newer format, which it names. */
export const newerFormat: RegExp = /^FSNEWER (\d+)/;

/*
 * KEYS[1] is one hash, so that nothing of it can be lost alone: format, revision, map, fence (the newest token that was given or used), and the lease: holder, token, until (ms).
 * Numbers are kept as decimal text; they stay below 2^53, which Lua's doubles hold exactly. `above` gives numbers that are never given twice, even after the server was rolled back.
 */
const common = `
local function above(number)
  local time = redis.call('TIME')
  return string.format('%.0f', math.max(tonumber(number) + 1, tonumber(time[1]) * 1000000 + tonumber(time[2])))
end
local format = redis.call('HGET', KEYS[1], 'format')
if format and tonumber(format) > ${coordinatorFormat} then return redis.error_reply('FSNEWER ' .. format) end
`;

/** KEYS: state, diffs. ARGV: revision, token, channel, diffs to keep, map, and the diff where there is one. The new revision as text, or null. */
export const compareAndSetScript: string = `${common}
local state = redis.call('HMGET', KEYS[1], 'revision', 'fence')
local current = state[1] or '0'
if current ~= ARGV[1] or tonumber(state[2] or '0') > tonumber(ARGV[2]) then return false end
local next = above(current)
redis.call('HSET', KEYS[1], 'format', '${coordinatorFormat}', 'revision', next, 'map', ARGV[5], 'fence', ARGV[2])
if ARGV[6] then
  redis.call('RPUSH', KEYS[2], current .. ' ' .. next .. ' ' .. ARGV[6])
  redis.call('LTRIM', KEYS[2], -tonumber(ARGV[4]), -1)
else
  redis.call('DEL', KEYS[2])
end
redis.call('PUBLISH', ARGV[3], next)
return next
`;

/** KEYS: state. Revision and map as text, null where there are none. */
export const getScript: string = `${common}
return redis.call('HMGET', KEYS[1], 'revision', 'map')
`;

/** KEYS: state, diffs. ARGV: revision. The newest revision, null, and the diffs in order; or that revision and the map, null where there are none. */
export const sinceScript: string = `${common}
local newest = redis.call('HGET', KEYS[1], 'revision')
local at, index, diffs = newest, -1, {}
while at and at ~= ARGV[1] do
  local step = redis.call('LINDEX', KEYS[2], index)
  if not step then break end
  local from, to, diff = string.match(step, '^(%d+) (%d+) (.*)$')
  if to ~= at then break end
  table.insert(diffs, 1, diff)
  at, index = from, index - 1
end
if at and at == ARGV[1] then return { newest, false, diffs } end
return redis.call('HMGET', KEYS[1], 'revision', 'map')
`;

/** KEYS: state. ARGV: holder, duration in ms. The token as text, or null. A token from before a rollback may be newer than the lease's: then it needs another. */
export const leaseScript: string = `${common}
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local state = redis.call('HMGET', KEYS[1], 'holder', 'token', 'until', 'fence')
local held = state[1] and tonumber(state[3]) > now
if held and state[1] ~= ARGV[1] then return false end
local fence = state[4] or '0'
local token = state[2]
if not held or tonumber(token) < tonumber(fence) then token = above(fence) end
redis.call('HSET', KEYS[1], 'format', '${coordinatorFormat}', 'holder', ARGV[1], 'token', token, 'until', string.format('%.0f', now + tonumber(ARGV[2])), 'fence', token)
return token
`;

/** KEYS: state. ARGV: holder. */
export const releaseScript: string = `${common}
if redis.call('HGET', KEYS[1], 'holder') == ARGV[1] then redis.call('HDEL', KEYS[1], 'holder', 'token', 'until') end
return 1
`;

/** KEYS: reports. ARGV: text, how many are kept. What nobody takes within a minute is of no use any longer. */
export const reportScript: string = `
redis.call('RPUSH', KEYS[1], ARGV[1])
redis.call('LTRIM', KEYS[1], -tonumber(ARGV[2]), -1)
redis.call('PEXPIRE', KEYS[1], 60000)
return 1
`;

/** KEYS: reports. */
export const takeReportsScript: string = `
local taken = redis.call('LRANGE', KEYS[1], 0, -1)
redis.call('DEL', KEYS[1])
return taken
`;
