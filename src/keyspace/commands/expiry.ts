import type { ByteString } from '../../lib/bytes.ts';
import type { CommandContext, CommandSpec } from '../command.ts';
import { expiresAt, expiryArgument, type ExpiryUnit } from '../expiry-arguments.ts';
import { CommandError, type Reply } from '../reply.ts';
import { applyExpiry } from './strings.ts';

type Run = (context: CommandContext, args: readonly ByteString[]) => Reply;

interface ExpireConditions { readonly nx: boolean; readonly xx: boolean; readonly gt: boolean; readonly lt: boolean }

function expireConditions(args: readonly ByteString[]): ExpireConditions {
  const words = new Set<string>();
  for (const arg of args) {
    const word = arg.toUpperCase();
    if (word !== 'NX' && word !== 'XX' && word !== 'GT' && word !== 'LT') throw new CommandError(`ERR Unsupported option ${arg}`);
    words.add(word);
  }
  const [nx, xx, gt, lt] = [words.has('NX'), words.has('XX'), words.has('GT'), words.has('LT')];
  if (nx && (xx || gt || lt)) throw new CommandError('ERR NX and XX, GT or LT options at the same time are not compatible');
  if (gt && lt) throw new CommandError('ERR GT and LT options at the same time are not compatible');
  return { nx, xx, gt, lt };
}

/** Whether EXPIRE's conditions let a new expiry replace the current one (null: the key never expires, which is the latest of all). */
function isAllowed({ nx, xx, gt, lt }: ExpireConditions, current: number | null, next: number): boolean {
  if (nx && current !== null) return false;
  if (xx && current === null) return false;
  if (gt && (current === null || next <= current)) return false;
  return !(lt && current !== null && next >= current);
}

function expire(unit: ExpiryUnit, command: string): Run {
  return (context, [key = '', text = '', ...options]) => {
    const { db, now } = context;
    const conditions = expireConditions(options);
    const change = expiryArgument({ text, unit, command, now, positive: false });
    const entry = db.read(key);
    if (entry === undefined || !isAllowed(conditions, entry.expiresAtMs, expiresAt(change, now))) return 0;
    applyExpiry(context, key, change);
    return 1;
  };
}

/** TTL and its kin: -2 without a key, -1 without an expiry. Seconds are rounded to the nearest. */
function timeLeft(options: { readonly absolute: boolean; readonly seconds: boolean }): Run {
  return ({ db, now }, [key = '']) => {
    const entry = db.read(key);
    if (entry === undefined) return -2;
    if (entry.expiresAtMs === null) return -1;
    const ms = options.absolute ? entry.expiresAtMs : Math.max(0, entry.expiresAtMs - now);
    return options.seconds ? Math.floor((ms + 500) / 1000) : ms;
  };
}

const persist: Run = ({ db }, [key = '']) => {
  const entry = db.read(key);
  if (entry === undefined || entry.expiresAtMs === null) return 0;
  db.expire(key, { kind: 'cleared' });
  return 1;
};

const fastWrite = ['write', 'fast'] as const;
const fastRead = ['readonly', 'fast'] as const;
const key = [1, 1, 1] as const;

/** EXPIRE, TTL, PERSIST and their kin. */
export const expiryCommands: readonly CommandSpec[] = [
  { name: 'expire', arity: -3, flags: fastWrite, keys: key, run: expire('EX', 'expire') },
  { name: 'pexpire', arity: -3, flags: fastWrite, keys: key, run: expire('PX', 'pexpire') },
  { name: 'expireat', arity: -3, flags: fastWrite, keys: key, run: expire('EXAT', 'expireat') },
  { name: 'pexpireat', arity: -3, flags: fastWrite, keys: key, run: expire('PXAT', 'pexpireat') },
  { name: 'ttl', arity: 2, flags: fastRead, keys: key, run: timeLeft({ absolute: false, seconds: true }) },
  { name: 'pttl', arity: 2, flags: fastRead, keys: key, run: timeLeft({ absolute: false, seconds: false }) },
  { name: 'expiretime', arity: 2, flags: fastRead, keys: key, run: timeLeft({ absolute: true, seconds: true }) },
  { name: 'pexpiretime', arity: 2, flags: fastRead, keys: key, run: timeLeft({ absolute: true, seconds: false }) },
  { name: 'persist', arity: 2, flags: fastWrite, keys: key, run: persist },
];
