import { createHash } from 'node:crypto';

/*
 * What has to happen in one step inside Redis or Valkey. Scripts run alone, so each is atomic. Nothing here decides anything about slots: slot-register.ts does.
 * In each the first command that writes is one that Redis refuses when it is out of memory (or one that frees memory), so none stops half-way.
 */

/** A script with the hash that the server knows it by. */
export interface RedisScript {
  readonly text: string;
  readonly sha1: string;
}

function script(text: string): RedisScript {
  return { text, sha1: createHash('sha1').update(text).digest('hex') };
}

/**
 * Which life this is; a new one begins where there is none, where the server has started again since (it may have come back with what it had saved, without
 * the last writes), or where a register was found missing. KEYS: node. ARGV: prefix, format, run of the server, life to begin, expiry in ms (0: never).
 */
export const openScript: RedisScript = script(`
local node = redis.call('HMGET', KEYS[1], 'format', 'life', 'run', 'lost')
if node[1] and node[1] ~= ARGV[2] then return {'format', node[1]} end
local life = node[2]
if not (node[1] and life and node[3] == ARGV[3] and not node[4]) then
  if life then
    for _, field in ipairs(redis.call('HKEYS', KEYS[1])) do
      local slot = string.match(field, '^r:(%d+)$')
      if slot then
        redis.call('UNLINK', ARGV[1] .. 'r:' .. life .. ':' .. slot)
        redis.call('HDEL', KEYS[1], field)
      end
    end
  end
  life = ARGV[4]
  redis.call('HSET', KEYS[1], 'format', ARGV[2], 'life', life, 'run', ARGV[3])
  redis.call('HDEL', KEYS[1], 'lost')
end
if ARGV[5] ~= '0' then redis.call('PEXPIRE', KEYS[1], ARGV[5]) end
return {'life', life}
`);

/**
 * Keeps revisions. KEYS: uses, slots. ARGV: prefix, expiry in ms (0: never), bytes allowed (0: no limit), then slot, name, hash, bytes for each. A name that is
 * held keeps what it has; a payload that is lost or damaged is mended. Gives how many were new, or what is held and what would be.
 */
export const writeScript: RedisScript = script(`
local uses, prefix, expiry, max = KEYS[1], ARGV[1], ARGV[2], tonumber(ARGV[3])
if max > 0 then
  local held = tonumber(redis.call('HGET', uses, 'bytes') or '0')
  local wanted, seen = held, {}
  for i = 4, #ARGV, 4 do
    local hash = ARGV[i + 2]
    if not seen[hash] and redis.call('HEXISTS', uses, hash) == 0 then
      seen[hash] = true
      wanted = wanted + #ARGV[i + 3]
    end
  end
  if wanted > max then return {'full', held, wanted} end
end
local written, added, touched = 0, 0, {}
for i = 4, #ARGV, 4 do
  local name, hash, bytes = ARGV[i + 1], ARGV[i + 2], ARGV[i + 3]
  local slot, payload = prefix .. 's:' .. ARGV[i], prefix .. 'p:' .. hash
  local value, mend = hash .. #bytes, true
  if redis.call('HSETNX', slot, name, value) == 1 then
    written = written + 1
    if redis.call('HINCRBY', uses, hash, 1) == 1 then
      added = added + #bytes
      mend = false
      if expiry == '0' then redis.call('SET', payload, bytes) else redis.call('SET', payload, bytes, 'PX', expiry) end
    end
  elseif redis.call('HGET', slot, name) ~= value then
    mend = false
  end
  if mend then
    if redis.call('GET', payload) ~= bytes then redis.call('SET', payload, bytes) end
    if expiry ~= '0' then redis.call('PEXPIRE', payload, expiry) end
  end
  touched[ARGV[i]] = slot
end
for number, slot in pairs(touched) do
  redis.call('SADD', KEYS[2], number)
  if expiry ~= '0' then redis.call('PEXPIRE', slot, expiry) end
end
if written > 0 then redis.call('HINCRBY', uses, 'elements', written) end
if added > 0 then redis.call('HINCRBY', uses, 'bytes', added) end
if expiry ~= '0' then
  redis.call('PEXPIRE', uses, expiry)
  redis.call('PEXPIRE', KEYS[2], expiry)
end
return {'written', written}
`);

/** Forgets revisions, and payloads that nothing names any longer. KEYS: uses, slots. ARGV: prefix, then slot and name for each. */
export const dropScript: RedisScript = script(`
local uses, prefix = KEYS[1], ARGV[1]
for i = 2, #ARGV, 2 do
  local slot, name = prefix .. 's:' .. ARGV[i], ARGV[i + 1]
  local value = redis.call('HGET', slot, name)
  if value then
    redis.call('HDEL', slot, name)
    local hash = string.sub(value, 1, 64)
    if redis.call('HINCRBY', uses, hash, -1) <= 0 then
      redis.call('UNLINK', prefix .. 'p:' .. hash)
      redis.call('HDEL', uses, hash)
      redis.call('HINCRBY', uses, 'bytes', -tonumber(string.sub(value, 65)))
    end
    redis.call('HINCRBY', uses, 'elements', -1)
    if redis.call('EXISTS', slot) == 0 then redis.call('SREM', KEYS[2], ARGV[i]) end
  end
end
return 1
`);

/**
 * Stores into a register if the life is still this one and the fields that were looked at are as they were. KEYS: node, register. ARGV: life, slot, expiry in
 * ms (0: never), fields there must be (empty: any number), fields looked at, then field and value for each of them, then field and value for each to store.
 * Values are \`-\` for none or begin with \`+\`. Gives 1, or \`life\`, or \`again\`, or the values as they are.
 */
export const storeScript: RedisScript = script(`
local node = redis.call('HMGET', KEYS[1], 'life', 'lost')
if node[1] ~= ARGV[1] or node[2] then return 'life' end
local mark = 'r:' .. ARGV[2]
local exists = redis.call('EXISTS', KEYS[2]) == 1
if not exists and redis.call('HEXISTS', KEYS[1], mark) == 1 then
  redis.call('HSET', KEYS[1], 'lost', '1')
  return 'life'
end
if ARGV[4] ~= '' and redis.call('HLEN', KEYS[2]) ~= tonumber(ARGV[4]) then return 'again' end
local last = 5 + 2 * tonumber(ARGV[5])
local same, found = true, {}
for i = 6, last, 2 do
  local value = redis.call('HGET', KEYS[2], ARGV[i])
  value = value and '+' .. value or '-'
  same = same and value == ARGV[i + 1]
  found[#found + 1] = value
end
if not same then return found end
for i = last + 1, #ARGV, 2 do
  if ARGV[i + 1] == '-' then redis.call('HDEL', KEYS[2], ARGV[i]) end
end
for i = last + 1, #ARGV, 2 do
  if ARGV[i + 1] ~= '-' then redis.call('HSET', KEYS[2], ARGV[i], string.sub(ARGV[i + 1], 2)) end
end
if #ARGV == last then return 1 end
if not exists then redis.call('HSET', KEYS[1], mark, '1') end
if ARGV[3] ~= '0' then
  redis.call('PEXPIRE', KEYS[1], ARGV[3])
  redis.call('PEXPIRE', KEYS[2], ARGV[3])
end
return 1
`);

/** All of them, for loading. */
export const redisScripts: readonly RedisScript[] = [openScript, writeScript, dropScript, storeScript];
