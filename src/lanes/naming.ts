import { basename } from 'node:path';
import { readProc } from './proc.ts';
import type { TimedWait } from './waits.ts';

/** What a system call with a time limit is used for, for people. */
const uses: Readonly<Record<string, string>> = {
  nanosleep: 'a sleep', clock_nanosleep: 'a sleep', futex: 'a lock, condition or queue with a time limit', sigtimedwait: 'a signal',
  epoll_wait: 'an event loop', epoll_pwait: 'an event loop', epoll_pwait2: 'an event loop', poll: 'a socket or timer', ppoll: 'a socket or timer',
  select: 'a socket or timer', pselect: 'a socket or timer', semtimedop: 'a semaphore',
};

/**
 * A process for people: its id, its program and, behind an interpreter, the file that it runs. Its other arguments may be nobody's
 * business.
 */
export function processName(pid: number): string {
  const [program = '', ...args] = (readProc(`/proc/${pid}/cmdline`) ?? '').split('\0').filter((word) => word !== '');
  if (program === '') return `process ${pid}`;
  const file = args.find((word) => !word.startsWith('-'));
  const words = [basename(program.slice(0, 80)), ...file !== undefined && /^[\w./-]+$/.test(file) ? [basename(file)] : []];
  return `process ${pid} (${words.join(' ')})`;
}

/** A process and which of its threads, by its name. */
export function threadName(pid: number, tid: number): string {
  return tid === pid ? processName(pid) : `${processName(pid)}, thread ${tid} "${(readProc(`/proc/${pid}/task/${tid}/comm`) ?? '').trim()}"`;
}

/** What a thread waits in. */
export function waitName({ name, limitMs }: TimedWait): string {
  const use = uses[name] === undefined ? '' : ` (${uses[name]})`;
  return `${name}${use}${limitMs === null ? '' : ` for another ${Math.max(0, Math.round(limitMs))} ms`}`;
}
