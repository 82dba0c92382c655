import { closeSync, openSync, readSync } from 'node:fs';
import { readProc } from './proc.ts';

/**
 * What a sleeping thread waits for, from `/proc/<pid>/task/<tid>/syscall`: number and arguments of the system call it is in.
 * A thread in a wait with a time limit will go on by itself; one without a limit needs someone else, and that someone is seen on its own.
 */

type Limit =
  /** the argument is the limit in ms as a signed 32-bit number, negative: none */
  | 'ms'
  /** the argument points to a timespec or timeval from now on; 0: none */
  | 'relative'
  /** relative, or a point in time, by flags */
  | 'futex' | 'sleep';

interface Wait {
  readonly name: string;
  /** Which argument holds the limit, from 0. */
  readonly argument: number;
  readonly limit: Limit;
}

const wait = (name: string, argument: number, limit: Limit): Wait => ({ name, argument, limit });

const waits: Readonly<Record<string, ReadonlyMap<number, Wait>>> = {
  x64: new Map([
    [7, wait('poll', 2, 'ms')], [23, wait('select', 4, 'relative')], [35, wait('nanosleep', 0, 'relative')], [128, wait('sigtimedwait', 2, 'relative')],
    [202, wait('futex', 3, 'futex')], [220, wait('semtimedop', 3, 'relative')], [230, wait('clock_nanosleep', 2, 'sleep')], [232, wait('epoll_wait', 3, 'ms')],
    [270, wait('pselect', 4, 'relative')], [271, wait('ppoll', 2, 'relative')], [281, wait('epoll_pwait', 3, 'ms')], [441, wait('epoll_pwait2', 3, 'relative')],
  ]),
  arm64: new Map([
    [22, wait('epoll_pwait', 3, 'ms')], [72, wait('pselect', 4, 'relative')], [73, wait('ppoll', 2, 'relative')], [98, wait('futex', 3, 'futex')],
    [101, wait('nanosleep', 0, 'relative')], [115, wait('clock_nanosleep', 2, 'sleep')], [137, wait('sigtimedwait', 2, 'relative')],
    [192, wait('semtimedop', 3, 'relative')], [441, wait('epoll_pwait2', 3, 'relative')],
  ]),
};

const table: ReadonlyMap<number, Wait> = waits[process.arch] ?? new Map<number, Wait>();

/** A wait with a time limit. */
export interface TimedWait {
  /** Name of the system call. */
  readonly name: string;
  /** How long it was asked to last at most, or how long it will still, in ms; null: not known. */
  readonly limitMs: number | null;
  /** `asked`: the limit is what was asked for, the same however long it has lasted. `left`: it shrinks. */
  readonly measure: 'asked' | 'left';
}

/** The timed wait that a thread is in; null when it is in none, or none that can be seen. */
export function timedWait(pid: number, tid: number): TimedWait | null {
  const text = readProc(`/proc/${pid}/task/${tid}/syscall`);
  if (text === null) return null;
  // It has gone on since it was seen asleep, or it waits in no system call at all: it will go on by itself.
  if (text.startsWith('running') || text.startsWith('-1')) return { name: 'its own work', limitMs: null, measure: 'left' };
  const words = text.trimEnd().split(' ');
  const found = table.get(Number(words[0]));
  if (found === undefined) return null;
  const argument = (index: number): number => Number(words[index + 1] ?? '0');
  const limit = argument(found.argument);
  if (found.limit === 'ms') {
    const ms = limit | 0;
    return ms < 0 ? null : { name: found.name, limitMs: ms, measure: 'asked' };
  }
  if (limit === 0) return null;
  return { name: found.name, ...pointedLimit(found, pid, limit, argument) };
}

const fraction: Readonly<Record<string, number>> = { select: 1e3 };

function pointedLimit(found: Wait, pid: number, pointer: number, argument: (index: number) => number): Omit<TimedWait, 'name'> {
  const ms = readTime(pid, pointer, fraction[found.name] ?? 1e6);
  // FUTEX_WAIT takes a duration, every other waiting operation on a futex a point in time; sleep says by a flag
  const absolute = (found.limit === 'sleep' && (argument(1) & 1) === 1) || (found.limit === 'futex' && (argument(1) & 0x7f) !== 0);
  if (ms === null || !absolute) return { limitMs: ms, measure: 'asked' };
  const wallClock = found.limit === 'sleep' ? argument(0) === 0 : (argument(1) & 0x100) !== 0;
  return { limitMs: fromNow(ms, wallClock), measure: 'left' };
}

function fromNow(pointMs: number, wallClock: boolean): number {
  return pointMs - (wallClock ? Date.now() : Number(process.hrtime.bigint() / 1000n) / 1000);
}

const timespec = Buffer.alloc(16);

function readTime(pid: number, pointer: number, perMs: number): number | null {
  if (!Number.isSafeInteger(pointer)) return null;
  let fd = -1;
  try {
    fd = openSync(`/proc/${pid}/mem`, 'r');
    if (readSync(fd, timespec, 0, 16, pointer) !== 16) return null;
    return Number(timespec.readBigInt64LE(0)) * 1000 + Number(timespec.readBigInt64LE(8)) / perMs;
  } catch {
    return null; // memory is not ours to read: that it waits is known, how long is not
  } finally {
    if (fd >= 0) closeSync(fd);
  }
}
