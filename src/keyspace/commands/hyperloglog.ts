import type { ByteString } from '../../lib/bytes.ts';
import type { CommandContext, CommandSpec } from '../command.ts';
import type { StringEntry } from '../entry.ts';
import { OK } from '../reply.ts';
import { at } from './arguments.ts';
import { commit } from './collections.ts';
import { cachedCount, emptyLog, estimate, invalidateCache, isDense, logText, makeDense, parseLog, positionOf, raiseRegister, registersOf, withCachedCount, type HyperLogLog } from './hyperloglog-bytes.ts';

type Run = CommandSpec['run'];

/** Puts a changed HyperLogLog where it was, or a new one. */
function save({ db }: CommandContext, key: ByteString, entry: StringEntry | undefined, log: HyperLogLog): void {
  invalidateCache(log);
  db.noteWrite(key);
  const target: StringEntry = entry ?? { type: 'string', value: '', expiresAtMs: null, owner: null };
  target.value = logText(log);
  commit(db, key, target);
}

const pfadd: Run = (context, args) => {
  const key = at(args, 0);
  const entry = context.db.writable(key, 'string');
  const log = entry === undefined ? emptyLog() : parseLog(entry.value);
  let changed = entry === undefined;
  for (const element of args.slice(1)) {
    const { index, count } = positionOf(element);
    if (raiseRegister(log, index, count)) changed = true;
  }
  if (changed) save(context, key, entry, log);
  else context.db.noteWrite(key);
  return changed ? 1 : 0;
};

/** The greatest of each register over the keys that exist, and whether one of them is dense. */
function merged({ db }: CommandContext, keys: readonly ByteString[]): { readonly registers: Uint8Array; readonly hasDense: boolean } {
  const registers = new Uint8Array(registersOf(emptyLog()));
  let hasDense = false;
  for (const key of keys) {
    const entry = db.readTyped(key, 'string');
    if (entry === undefined) continue;
    const log = parseLog(entry.value);
    hasDense ||= isDense(log);
    for (const [index, value] of registersOf(log).entries()) if (value > (registers[index] ?? 0)) registers[index] = value;
  }
  return { registers, hasDense };
}

const pfcount: Run = (context, args) => {
  if (args.length > 1) return estimate(merged(context, args).registers);
  const key = at(args, 0);
  const existing = context.db.readTyped(key, 'string');
  if (existing === undefined) return 0;
  const log = parseLog(existing.value);
  const cached = cachedCount(existing.value);
  if (cached !== undefined) return cached;
  const count = estimate(registersOf(log));
  // Redis keeps the result in the value: bytes change, but what they mean does not, so the observer is not told of a write.
  const entry = context.db.writable(key, 'string');
  if (entry !== undefined) {
    entry.value = withCachedCount(entry.value, count);
    context.db.changed(key, entry);
  }
  return count;
};

const pfmerge: Run = (context, args) => {
  const key = at(args, 0);
  const { registers, hasDense } = merged(context, args);
  const entry = context.db.writable(key, 'string');
  const log = entry === undefined ? emptyLog() : parseLog(entry.value);
  if (hasDense) makeDense(log);
  for (const [index, value] of registers.entries()) if (value > 0) raiseRegister(log, index, value);
  save(context, key, entry, log);
  return OK;
};

/** The HyperLogLog commands of Redis 7.0 but the debugging ones; values have the very bytes that Redis would store. */
export const hyperloglogCommands: readonly CommandSpec[] = [
  { name: 'pfadd', arity: -2, flags: ['write', 'denyoom', 'fast'], keys: [1, 1, 1], run: pfadd },
  { name: 'pfcount', arity: -2, flags: ['readonly'], keys: [1, -1, 1], run: pfcount },
  { name: 'pfmerge', arity: -2, flags: ['write', 'denyoom'], keys: [1, -1, 1], run: pfmerge },
];
