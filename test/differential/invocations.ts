/** At least one invocation of every command that names keys, and several where they move. */
export const invocations: readonly (readonly string[])[] = [
  // strings and bits
  'GET a', 'SET a 1 EX 5', 'SETNX a 1', 'SETEX a 5 1', 'PSETEX a 5 1', 'MSET a 1 b 2', 'MSETNX a 1 b 2 c 3', 'MGET a b c', 'GETSET a 1', 'GETDEL a', 'GETEX a EX 5',
  'APPEND a 1', 'STRLEN a', 'INCR a', 'DECR a', 'INCRBY a 1', 'DECRBY a 1', 'INCRBYFLOAT a 1', 'GETRANGE a 0 1', 'SUBSTR a 0 1', 'SETRANGE a 0 x', 'LCS a b IDX',
  'SETBIT a 0 1', 'GETBIT a 0', 'BITCOUNT a 0 1', 'BITPOS a 1', 'BITOP AND d a b', 'BITOP NOT d a', 'BITFIELD a GET u8 0', 'BITFIELD_RO a GET u8 0',
  // any type
  'DEL a b', 'UNLINK a b', 'EXISTS a b', 'TOUCH a b', 'TYPE a', 'RENAME a b', 'RENAMENX a b', 'COPY a b REPLACE', 'MOVE a 1', 'EXPIRE a 1', 'PEXPIRE a 1', 'EXPIREAT a 1 NX',
  'PEXPIREAT a 1', 'TTL a', 'PTTL a', 'EXPIRETIME a', 'PEXPIRETIME a', 'PERSIST a', 'OBJECT ENCODING a', 'MEMORY USAGE a SAMPLES 5', 'WATCH a b',
  'SORT a', 'SORT a BY w_* LIMIT 0 5 GET o_* GET # ASC ALPHA STORE d', 'SORT a BY store GET store', 'SORT_RO a BY w_*',
  // hashes
  'HSET h f v', 'HMSET h f v g w', 'HSETNX h f v', 'HGET h f', 'HMGET h f g', 'HGETALL h', 'HDEL h f g', 'HEXISTS h f', 'HLEN h', 'HKEYS h', 'HVALS h', 'HSTRLEN h f', 'HINCRBY h f 1',
  'HINCRBYFLOAT h f 1', 'HRANDFIELD h 2', 'HSCAN h 0',
  // lists
  'LPUSH l a', 'RPUSH l a b', 'LPUSHX l a', 'RPUSHX l a', 'LPOP l 2', 'RPOP l', 'LLEN l', 'LRANGE l 0 -1', 'LINDEX l 0', 'LSET l 0 a', 'LINSERT l BEFORE a b', 'LREM l 0 a', 'LTRIM l 0 1',
  'LPOS l a', 'LMOVE l m LEFT RIGHT', 'RPOPLPUSH l m', 'LMPOP 2 l m LEFT COUNT 3', 'BLPOP l m 0', 'BRPOP l 0', 'BLMOVE l m LEFT LEFT 0', 'BRPOPLPUSH l m 0', 'BLMPOP 0 2 l m RIGHT',
  // sets
  'SADD s a', 'SREM s a b', 'SMEMBERS s', 'SISMEMBER s a', 'SMISMEMBER s a b', 'SCARD s', 'SPOP s 2', 'SRANDMEMBER s', 'SMOVE s t a', 'SINTER s t', 'SUNION s t u', 'SDIFF s t',
  'SINTERSTORE d s t', 'SUNIONSTORE d s t', 'SDIFFSTORE d s', 'SINTERCARD 2 s t LIMIT 3', 'SSCAN s 0',
  // sorted sets
  'ZADD z NX 1 a', 'ZINCRBY z 1 a', 'ZREM z a', 'ZSCORE z a', 'ZMSCORE z a b', 'ZCARD z', 'ZCOUNT z 0 1', 'ZLEXCOUNT z - +', 'ZRANK z a', 'ZREVRANK z a', 'ZRANGE z 0 1 REV', 'ZREVRANGE z 0 1',
  'ZRANGEBYSCORE z 0 1', 'ZREVRANGEBYSCORE z 1 0', 'ZRANGEBYLEX z - +', 'ZREVRANGEBYLEX z + -', 'ZREMRANGEBYRANK z 0 1', 'ZREMRANGEBYSCORE z 0 1', 'ZREMRANGEBYLEX z - +', 'ZPOPMIN z', 'ZPOPMAX z 2',
  'ZRANGESTORE d z 0 1', 'ZUNIONSTORE d 2 z y WEIGHTS 1 2', 'ZINTERSTORE d 1 z AGGREGATE MAX', 'ZDIFFSTORE d 2 z y', 'ZUNION 2 z y WITHSCORES', 'ZINTER 1 z', 'ZDIFF 2 z y', 'ZINTERCARD 2 z y LIMIT 1',
  'ZRANDMEMBER z 2', 'ZMPOP 2 z y MIN', 'BZPOPMIN z y 0', 'BZPOPMAX z 0', 'BZMPOP 0 2 z y MAX COUNT 2', 'ZSCAN z 0',
  // streams
  'XADD x * f v', 'XLEN x', 'XRANGE x - +', 'XREVRANGE x + -', 'XDEL x 1-1', 'XTRIM x MAXLEN 5', 'XREAD COUNT 2 STREAMS x y 0 0', 'XREAD BLOCK 5 STREAMS x $', 'XGROUP CREATE x g $', 'XINFO STREAM x',
  'XREADGROUP GROUP g c COUNT 1 BLOCK 5 NOACK STREAMS x y > >', 'XACK x g 1-1', 'XPENDING x g', 'XCLAIM x g c 0 1-1', 'XAUTOCLAIM x g c 0 0', 'XSETID x 1-1', 'XINFO GROUPS x', 'XGROUP DESTROY x g',
  // HyperLogLog
  'PFADD p a', 'PFCOUNT p q', 'PFMERGE d p q',
].map((line) => line.split(' '));
