/*
 * Which arguments of a Redis command are keys, and what is done to them: in one small table, since the preset for OpenTelemetry loads it into users' services, where
 * the keyspace with its registry would be too much; and since the registry does not know Lua, geography and modules. A test compares it
 * with the registry, another with COMMAND GETKEYSANDFLAGS of a real server. A command that reads a key and changes it is a write.
 */

/** An argument that is a key. */
export interface KeyPlace {
  /** Among all words of the command, its name at 0. */
  readonly index: number;
  readonly access: 'read' | 'write';
}

/** The words of a command, its name first; undefined stands for a word that is not known. */
export type Words = readonly (string | undefined)[];

/** Where the keys of one command are; undefined where a word that would tell is not known. */
type Finder = (words: Words) => readonly KeyPlace[] | undefined;
type Access = KeyPlace['access'];

const finders: ReadonlyMap<string, Finder> = new Map<string, Finder>([
  ...each(range('read', 1, 1), `get strlen getrange substr getbit bitcount bitpos bitfield_ro digest hget hmget hgetall hexists hlen hkeys hvals hstrlen
    hrandfield hscan httl hpttl hexpiretime hpexpiretime lindex llen lrange lpos smembers sismember smismember scard srandmember sscan zcard zcount zlexcount
    zrange zrangebyscore zrangebylex zrevrange zrevrangebyscore zrevrangebylex zrank zrevrank zscore zmscore zrandmember zscan xlen xrange xrevrange
    xpending type ttl pttl expiretime pexpiretime dump sort_ro geodist geohash geopos geosearch georadius_ro georadiusbymember_ro
    json.get json.type json.strlen json.arrlen json.arrindex json.objkeys json.objlen json.resp json.debug
    bf.exists bf.mexists bf.info bf.card bf.scandump cf.exists cf.mexists cf.count cf.info cms.query cms.info topk.query topk.list topk.info tdigest.quantile tdigest.cdf tdigest.rank
    ts.get ts.range ts.revrange ts.info vcard vdim vemb vgetattr vinfo vismember vlinks vrandmember vsim`),
  ...each(range('write', 1, 1), `set setex psetex setnx getset getdel getex append setrange incr decr incrby decrby incrbyfloat setbit setifeq delifeq delex
    hset hmset hsetnx hdel hincrby hincrbyfloat hgetdel hgetex hsetex hexpire hpexpire hexpireat hpexpireat hpersist lpush rpush lpushx rpushx lpop rpop lset linsert lrem
    ltrim sadd srem spop zadd zincrby zrem zremrangebyscore zremrangebyrank zremrangebylex zpopmin zpopmax xadd xdel xdelex xackdel xtrim xsetid xack xclaim
    xautoclaim pfadd expire pexpire expireat pexpireat persist move restore restore-asking geoadd
    json.set json.merge json.del json.forget json.clear json.toggle json.numincrby json.nummultby json.strappend json.arrappend json.arrinsert json.arrpop json.arrtrim
    bf.add bf.madd bf.insert bf.reserve bf.loadchunk cf.add cf.addnx cf.insert cf.insertnx cf.del cf.reserve cms.incrby cms.initbydim cms.initbyprob topk.add topk.incrby topk.reserve
    tdigest.add tdigest.create tdigest.reset ts.add ts.create ts.alter ts.del ts.incrby ts.decrby vadd vrem vsetattr`),
  ...each(range('read', 1, -1), 'mget exists touch watch sunion sinter sdiff pfcount'),
  ...each(range('write', 1, -1), 'del unlink'),
  ...each(range('write', 1, -1, 2), 'mset msetnx'),
  ...each(range('write', 1, -2), 'blpop brpop bzpopmin bzpopmax'),
  ...each(range('write', 1, 2), 'rename renamenx smove lmove rpoplpush blmove brpoplpush'),
  ...each(range('read', 1, 2), 'lcs'),
  ...each(range('read', 1, -2), 'json.mget'),
  ...each(range('write', 1, -1, 3), 'json.mset ts.madd'),
  ...each(range('read', 2, 2), 'object|encoding object|freq object|idletime object|refcount memory|usage xinfo|stream xinfo|groups xinfo|consumers debug|object'),
  ...each(range('write', 2, 2), 'xgroup|create xgroup|createconsumer xgroup|delconsumer xgroup|destroy xgroup|setid'),
  ...each(both(range('read', 1, 1), range('write', 2, 2)), 'copy'),
  ...each(both(range('write', 1, 1), range('read', 2, -1)), 'sunionstore sinterstore sdiffstore pfmerge'),
  ...each(both(range('write', 2, 2), range('read', 3, -1)), 'bitop'),
  ...each(both(range('write', 1, 1), range('read', 2, 2)), 'zrangestore geosearchstore'),
  ...each(both(range('write', 1, 1), counted('read', 2)), 'zunionstore zinterstore zdiffstore cms.merge tdigest.merge'),
  ...each(counted('read', 1), 'zunion zinter zdiff zintercard sintercard'),
  ...each(counted('write', 1), 'lmpop zmpop'),
  ...each(counted('write', 2), 'blmpop bzmpop eval evalsha fcall'),
  ...each(counted('read', 2), 'eval_ro evalsha_ro fcall_ro'),
  ...each(both(range('read', 1, 1), storedAt(2, ['store'])), 'sort'),
  ...each(both(range('read', 1, 1), storedAt(6, ['store', 'storedist'])), 'georadius'),
  ...each(both(range('read', 1, 1), storedAt(5, ['store', 'storedist'])), 'georadiusbymember'),
  ...each((words) => range(words.slice(2).some((word) => word === undefined || /^(set|incrby)$/i.test(word)) ? 'write' : 'read', 1, 1)(words), 'bitfield'),
  ...each(streams('read'), 'xread'),
  ...each(streams('write'), 'xreadgroup'),
]);

const keyless: ReadonlySet<string> = new Set(`ping echo select auth hello quit reset client command info time lastsave role readonly readwrite asking keys scan randomkey dbsize flushdb
  flushall swapdb wait waitaof publish spublish subscribe psubscribe ssubscribe unsubscribe punsubscribe sunsubscribe pubsub multi exec discard unwatch script function config
  cluster acl latency slowlog module monitor save bgsave bgrewriteaof replicaof slaveof replconf psync sync failover shutdown debug lolwut object memory xinfo xgroup
  ft.search ft.aggregate ft.create ft.info ts.mget ts.mrange ts.mrevrange ts.queryindex`.split(/\s+/));

/** Whether there is a Redis command of this name, in any case. */
export function isRedisCommand(name: string): boolean {
  if (name.length > 24) return false;
  const lower = name.toLowerCase();
  return finders.has(lower) || keyless.has(lower);
}

/**
 * The keys of a command. `unknown`: the command is not in the table; `hidden`: it has keys, and a word that would tell where is not known.
 * A key that is itself an unknown word is among the places.
 */
export function redisKeyPlaces(words: Words): readonly KeyPlace[] | 'unknown' | 'hidden' {
  const name = (words[0] ?? '').toLowerCase();
  const finder = finders.get(name) ?? finders.get(`${name}|${(words[1] ?? '').toLowerCase()}`);
  if (finder === undefined) return keyless.has(name) ? [] : 'unknown';
  return finder(words) ?? 'hidden';
}

/** Whether a command changes any of its keys. */
export function isRedisWrite(name: string): boolean | undefined {
  const places = redisKeyPlaces([name, '1', '1', 'streams', '1', '1']);
  return places === 'unknown' || places === 'hidden' ? undefined : places.some(({ access }) => access === 'write');
}

function each(finder: Finder, names: string): [string, Finder][] {
  return names.split(/\s+/).map((name) => [name, finder]);
}

/** Keys from `first` to `last`; a negative `last` counts from the end. Words that do not come in steps hold values with spaces: where the keys are, nothing tells. */
function range(access: Access, first: number, last: number, step = 1): Finder {
  return (words) => {
    const places: KeyPlace[] = [];
    if (step > 1 && (words.length - first) % step !== 0) return undefined;
    const end = Math.min(last < 0 ? words.length + last : last, words.length - 1);
    for (let index = first; index <= end; index += step) places.push({ index, access });
    return places;
  };
}

/** `<count> key …`, the count at `at`. */
function counted(access: Access, at: number): Finder {
  return (words) => {
    if (words.length <= at) return [];
    const text = words[at];
    if (text === undefined) return undefined;
    const count = /^\d{1,6}$/.test(text) ? Number(text) : 0;
    return at + count < words.length ? range(access, at + 1, at + count)(words) : [];
  };
}

/** The key after the last of these words. A word that is not known might have been one, but a rule that hides it hides the key too. */
function storedAt(from: number, names: readonly string[]): Finder {
  return (words) => {
    for (let index = words.length - 2; index >= from; index--) {
      if (names.includes((words[index] ?? '').toLowerCase())) return [{ index: index + 1, access: 'write' }];
    }
    return [];
  };
}

/** `… STREAMS key … id …`: the first half of what follows. */
function streams(access: Access): Finder {
  return (words) => {
    const at = words.findIndex((word) => word?.toLowerCase() === 'streams');
    if (at < 0) return words.includes(undefined) ? undefined : [];
    const count = words.length - at - 1;
    return count % 2 === 0 ? range(access, at + 1, at + count / 2)(words) : [];
  };
}

function both(a: Finder, b: Finder): Finder {
  return (words) => {
    const [first, second] = [a(words), b(words)];
    return first === undefined || second === undefined ? undefined : [...first, ...second];
  };
}
