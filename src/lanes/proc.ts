import { closeSync, openSync, readSync, readdirSync } from 'node:fs';

/** The kernel's process files are there: what needs them is exact on Linux and says less elsewhere. */
export const hasProc: boolean = process.platform === 'linux';

const scratch = Buffer.allocUnsafe(64 * 1024);

/** The first 64 KB of a file of the kernel; null when the process is gone or is not ours to look at. Three system calls, no allocation but the text. */
export function readProc(path: string): string | null {
  let fd = -1;
  try {
    fd = openSync(path, 'r');
    return scratch.toString('latin1', 0, readSync(fd, scratch, 0, scratch.length, null));
  } catch {
    return null;
  } finally {
    if (fd >= 0) closeSync(fd);
  }
}

/** The whole of a file of the kernel, however long; null when it cannot be read. */
export function readWholeProc(path: string): string | null {
  let fd = -1;
  try {
    fd = openSync(path, 'r');
    let text = '';
    for (let size = -1; size !== 0;) {
      size = readSync(fd, scratch, 0, scratch.length, null);
      text += scratch.toString('latin1', 0, size);
    }
    return text;
  } catch {
    return null;
  } finally {
    if (fd >= 0) closeSync(fd);
  }
}

/** Names in a directory that are numbers: processes, threads, open files. */
export function numbersIn(path: string): number[] {
  let names: string[];
  try {
    names = readdirSync(path);
  } catch {
    return [];
  }
  const numbers: number[] = [];
  for (const name of names) {
    const first = name.charCodeAt(0);
    if (first >= 48 && first <= 57) numbers.push(Number(name));
  }
  return numbers;
}

/** What `stat` says of a process or thread. */
export interface ProcStat {
  /** R running, S sleeping, D waiting for a device, Z dead but not collected, T stopped … */
  readonly state: string;
  readonly parent: number;
  readonly group: number;
  readonly session: number;
}

/** Reads a `stat` file; null when the process is gone. The command name in it may hold spaces and parentheses. */
export function readStat(path: string): ProcStat | null {
  const text = readProc(path);
  if (text === null) return null;
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return {
    state: fields[0] ?? 'Z',
    parent: Number(fields[1]),
    group: Number(fields[2]),
    session: Number(fields[3]),
  };
}

/** How often a thread has been given a processor (third number of `schedstat`); 0 where the kernel does not count. */
export function timesRun(pid: number, tid: number): number {
  return Number(readProc(`/proc/${pid}/task/${tid}/schedstat`)?.split(' ')[2] ?? 0);
}
