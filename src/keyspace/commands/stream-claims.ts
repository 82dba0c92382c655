/** XCLAIM and XAUTOCLAIM: taking pending entries over from another consumer. */
import type { ByteString } from '../../lib/bytes.ts';
import type { CommandSpec } from '../command.ts';
import { numberArgument } from '../integers.ts';
import { CommandError, syntaxError, type Reply } from '../reply.ts';
import { at, errorText, isOption } from './arguments.ts';
import { itemReply } from './stream-entry.ts';
import { noSuchKeyOrGroup, requireGroup, saveGroup, type GroupEdit, type PendingEntry } from './stream-groups.ts';
import { compareIds, idArgument, indexFrom, intervalArgument, itemAt, minId, parseId } from './stream-ids.ts';

type Run = CommandSpec['run'];

interface ClaimOptions {
  readonly deliveredAtMs: number;
  readonly deliveries: number | undefined;
  readonly force: boolean;
  readonly justId: boolean;
  readonly lastId: string | undefined;
}

const invalid = (what: string, command: string): string => `ERR Invalid ${what} for ${command}`;

function claimOptions(args: readonly ByteString[], now: number): ClaimOptions {
  let deliveredAtMs = now;
  let deliveries: number | undefined;
  let force = false;
  let justId = false;
  let lastId: string | undefined;
  for (let i = 0; i < args.length; i++) {
    const arg = at(args, i);
    const hasMore = i + 1 < args.length;
    if (isOption(arg, 'FORCE')) force = true;
    else if (isOption(arg, 'JUSTID')) justId = true;
    else if (hasMore && isOption(arg, 'IDLE')) deliveredAtMs = now - numberArgument(at(args, ++i), invalid('IDLE option argument', 'XCLAIM'));
    else if (hasMore && isOption(arg, 'TIME')) deliveredAtMs = numberArgument(at(args, ++i), invalid('TIME option argument', 'XCLAIM'));
    else if (hasMore && isOption(arg, 'RETRYCOUNT')) deliveries = numberArgument(at(args, ++i), invalid('RETRYCOUNT option argument', 'XCLAIM'));
    else if (hasMore && isOption(arg, 'LASTID')) lastId = idArgument(at(args, ++i));
    else throw new CommandError(`ERR Unrecognized XCLAIM option '${errorText(arg)}'`);
  }
  // A time that cannot be is taken as now: clients compute it from clocks of their own.
  if (deliveredAtMs < 0 || deliveredAtMs > now) deliveredAtMs = now;
  return { deliveredAtMs, deliveries: deliveries !== undefined && deliveries >= 0 ? deliveries : undefined, force, justId, lastId };
}

const minIdleArgument = (text: ByteString, command: string): number => Math.max(0, numberArgument(text, invalid('min-idle-time argument', command)));

/** Gives a pending entry to a consumer. */
function claim({ group }: GroupEdit, id: string, pending: PendingEntry, change: { readonly consumer: ByteString; readonly now: number; readonly deliveredAtMs: number; readonly deliveries: number | undefined; readonly justId: boolean }): void {
  group.consumers.set(change.consumer, change.now);
  group.pending.set(id, {
    consumer: change.consumer, deliveredAtMs: change.deliveredAtMs,
    deliveries: change.deliveries ?? pending.deliveries + (change.justId ? 0 : 1),
  });
}

const xclaim: Run = ({ db, now }, args) => {
  const key = at(args, 0);
  const name = at(args, 1);
  const consumer = at(args, 2);
  if (db.readTyped(key, 'stream')?.groups.has(name) !== true) throw noSuchKeyOrGroup(key, name);
  const minIdleMs = minIdleArgument(at(args, 3), 'XCLAIM');
  const rest = args.slice(4);
  const firstOption = rest.findIndex((text) => parseId(text) === undefined);
  const ids = (firstOption < 0 ? rest : rest.slice(0, firstOption)).map(idArgument);
  const options = claimOptions(firstOption < 0 ? [] : rest.slice(firstOption), now);
  const edit = requireGroup(db, key, name);
  const { stream, group } = edit;
  if (options.lastId !== undefined && compareIds(options.lastId, group.lastDeliveredId) > 0) group.lastDeliveredId = options.lastId;
  const claimed: Reply[] = [];
  for (const id of ids) {
    const item = itemAt(stream.items, id);
    const current = group.pending.get(id);
    if (item === undefined) {
      group.pending.delete(id);
    } else if (current !== undefined ? now - current.deliveredAtMs >= minIdleMs : options.force) {
      claim(edit, id, current ?? { consumer, deliveredAtMs: now, deliveries: 1 }, { ...options, consumer, now });
      claimed.push(options.justId ? id : itemReply(item));
    }
  }
  saveGroup(db, key, edit);
  return claimed;
};

function autoClaimOptions(args: readonly ByteString[]): { readonly count: number; readonly justId: boolean } {
  let count = 100;
  let justId = false;
  for (let i = 0; i < args.length; i++) {
    if (i + 1 < args.length && isOption(args[i], 'COUNT')) {
      count = numberArgument(at(args, ++i), 'ERR COUNT must be > 0');
      // Redis allocates this many ids and looks at ten times as many entries.
      if (count < 1 || count > Math.floor(2 ** 63 / 16)) throw new CommandError('ERR COUNT must be > 0');
    } else if (isOption(args[i], 'JUSTID')) {
      justId = true;
    } else {
      throw syntaxError();
    }
  }
  return { count, justId };
}

const xautoclaim: Run = ({ db, now }, args) => {
  const key = at(args, 0);
  const consumer = at(args, 2);
  const minIdleMs = minIdleArgument(at(args, 3), 'XAUTOCLAIM');
  const start = intervalArgument(at(args, 4), 'start');
  const { count, justId } = autoClaimOptions(args.slice(5));
  const edit = requireGroup(db, key, at(args, 1));
  const pending = [...edit.group.pending].map(([id, entry]) => ({ id, entry }));
  const claimed: Reply[] = [];
  const deleted: string[] = [];
  let index = indexFrom(pending, start);
  const lastLooked = index + count * 10;
  for (; index < pending.length && index < lastLooked && claimed.length + deleted.length < count; index++) {
    const { id, entry } = pending[index] as { readonly id: string; readonly entry: PendingEntry };
    const item = itemAt(edit.stream.items, id);
    if (item === undefined) {
      edit.group.pending.delete(id);
      deleted.push(id);
    } else if (now - entry.deliveredAtMs >= minIdleMs) {
      claim(edit, id, entry, { consumer, now, deliveredAtMs: now, deliveries: undefined, justId });
      claimed.push(justId ? id : itemReply(item));
    }
  }
  saveGroup(db, key, edit);
  return [pending[index]?.id ?? minId, claimed, deleted];
};

/** XCLAIM and XAUTOCLAIM. */
export const streamClaimCommands: readonly CommandSpec[] = [
  { name: 'xclaim', arity: -6, flags: ['write', 'fast'], keys: [1, 1, 1], run: xclaim },
  { name: 'xautoclaim', arity: -6, flags: ['write', 'fast'], keys: [1, 1, 1], run: xautoclaim },
];
