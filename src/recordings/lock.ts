import { readFileSync, unlinkSync } from 'node:fs';
import { link, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { ForeshardError } from '../model/errors.ts';
import { names } from './layout.ts';

/** Who holds the lock: a process by its id and start, since ids are used again. */
interface Owner {
  readonly host: string;
  readonly pid: number;
  /** Start of the process in clock ticks after boot; null where the system does not tell. */
  readonly startTicks: string | null;
  /** Tells two writers of one process apart. */
  readonly token: string;
}

/** The right to write into a recording's folder. */
export interface FolderLock {
  release(): void;
}

/**
 * Takes the lock of a folder, making the folder where it is missing. The lock of a process that is gone is taken over.
 * @throws ForeshardError `recording_locked` while another writer lives, or may live on another host
 */
export async function lockFolder(folder: string): Promise<FolderLock> {
  await mkdir(folder, { recursive: true });
  const path = join(folder, names.lock);
  const owner: Owner = { host: hostname(), pid: process.pid, startTicks: startTicksOf(process.pid), token: Math.random().toString(36).slice(2) };
  const content = JSON.stringify(owner);
  const temporary = join(folder, `.${names.lock}.${owner.pid}.${owner.token}`);
  await writeFile(temporary, content);
  try {
    // A hard link appears at once and with its content, or fails because the name is taken.
    while (!(await linked(temporary, path))) await removeStale(folder, path, owner);
  } finally {
    await rm(temporary, { force: true });
  }
  return { release: () => releaseLock(path, content) };
}

async function linked(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') return false;
    if (code !== 'EPERM' && code !== 'ENOTSUP' && code !== 'EOPNOTSUPP') throw error;
    return copied(from, to); // a file system without hard links
  }
}

async function copied(from: string, to: string): Promise<boolean> {
  try {
    await writeFile(to, await readFile(from), { flag: 'wx' });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

async function removeStale(folder: string, path: string, self: Owner): Promise<void> {
  const content = await readFile(path, 'utf8').catch(() => undefined);
  if (content === undefined) return;
  const holder = parseOwner(content);
  if (holder !== undefined && mayLive(holder, self)) {
    throw new ForeshardError('recording_locked', `${folder} is being written by process ${holder.pid} on ${holder.host}.`, {
      hint: `Wait for it or record into another folder; if that process is gone, delete ${path}.`,
    });
  }
  // Renaming decides between two that take over at once; whoever got a lock that is not the stale one puts it back.
  const taken = join(folder, `.${names.lock}.stale.${self.pid}.${self.token}`);
  await rename(path, taken).catch(() => {});
  const got = await readFile(taken, 'utf8').catch(() => content);
  if (got !== content) await linked(taken, path);
  await rm(taken, { force: true });
}

function mayLive(holder: Owner, self: Owner): boolean {
  if (holder.host !== self.host) return true;
  if (holder.startTicks !== null && self.startTicks !== null) return startTicksOf(holder.pid) === holder.startTicks;
  try {
    process.kill(holder.pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Field 22 of /proc/<pid>/stat; null where there is no such process or no such file system. */
function startTicksOf(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? null;
  } catch {
    return null;
  }
}

function parseOwner(content: string): Owner | undefined {
  try {
    const owner = JSON.parse(content) as Partial<Owner> | null;
    if (typeof owner?.host !== 'string' || typeof owner.pid !== 'number') return undefined;
    return { host: owner.host, pid: owner.pid, startTicks: owner.startTicks ?? null, token: owner.token ?? '' };
  } catch {
    return undefined;
  }
}

function releaseLock(path: string, content: string): void {
  try {
    if (readFileSync(path, 'utf8') === content) unlinkSync(path);
  } catch {
    // Already gone with its folder: nothing is held any more.
  }
}
