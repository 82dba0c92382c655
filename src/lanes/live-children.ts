import { spawn } from 'node:child_process';
import type { Writable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { hasProc, readStat } from './proc.ts';
import type { ProcessTree } from './process-tree.ts';

/** Everything this process has started and not yet stopped, by process group. None may outlive us. */
const live = new Map<number, ProcessTree>();
let armed = false;
let guardian: Writable | null = null;

/**
 * Nobody can act on SIGKILL; this outlives us by a moment. It reads which process groups are alive, one line each time that changes, and
 * when our end of the pipe closes, however that comes, it ends those of the last line.
 */
const guardianScript = `
trap '' HUP INT TERM
groups=
while read -r line; do groups=$line; done
for group in $groups; do kill -s TERM -- "-$group" 2>/dev/null; done
[ -z "$groups" ] || sleep 1
for group in $groups; do kill -s KILL -- "-$group" 2>/dev/null; done
`;

function startGuardian(): Writable | null {
  if (process.platform === 'win32') return null;
  const child = spawn('sh', ['-c', guardianScript], { stdio: ['pipe', 'ignore', 'ignore'], detached: true, env: { PATH: process.env['PATH'] } });
  child.on('error', () => {}); // no shell: without it only SIGKILL leaves anything behind
  child.stdin.on('error', () => {});
  child.unref();
  (child.stdin as Writable & { unref?: () => void }).unref?.(); // a socket, which must not keep us alive
  return child.stdin;
}

function tellGuardian(): void {
  guardian?.write(`${[...live.keys()].join(' ')}\n`);
}

/** Makes sure that this group dies with us, however we end. */
export function registerChild(pid: number, tree: ProcessTree): void {
  live.set(pid, tree);
  if (!armed) guardian = startGuardian();
  tellGuardian();
  if (armed) return;
  armed = true;
  process.on('exit', killAll);
  for (const [signal, number] of [['SIGINT', 2], ['SIGTERM', 15], ['SIGHUP', 1]] as const) {
    process.on(signal, () => {
      // someone else who listens decides what to do, and `exit` follows; alone, we do what the signal would have done
      if (process.listenerCount(signal) > 1) return;
      killAll();
      process.exit(128 + number);
    });
  }
}

function killAll(): void {
  for (const [pid, tree] of live) {
    kill(-pid, 'SIGKILL');
    for (const member of tree.members()) kill(member, 'SIGKILL');
  }
  live.clear();
}

function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // gone already
  }
}

/** Members that are alive: a dead process that nobody has collected yet is not. */
export function living(tree: ProcessTree): number[] {
  return tree.members().filter((pid) => {
    const state = readStat(`/proc/${pid}/stat`)?.state;
    return state !== undefined && state !== 'Z' && state !== 'X';
  });
}

/**
 * Ends a process group and every process that belongs to it: SIGTERM first, SIGKILL to what is left after `graceMs`.
 * Resolves when all of them are gone.
 */
export async function stopGroup(pid: number, tree: ProcessTree, exited: Promise<unknown>, graceMs = 3_000): Promise<void> {
  const signalAll = (signal: NodeJS.Signals): void => {
    const members = hasProc ? living(tree) : [];
    kill(-pid, signal);
    for (const member of members) {
      if (readStat(`/proc/${member}/stat`)?.group !== pid) kill(member, signal);
    }
  };
  signalAll('SIGTERM');
  if (!await gone(tree, exited, graceMs)) {
    signalAll('SIGKILL');
    await gone(tree, exited, 5_000);
  }
  live.delete(pid);
  tellGuardian();
}


async function gone(tree: ProcessTree, exited: Promise<unknown>, withinMs: number): Promise<boolean> {
  let out = false;
  void exited.then(() => {
    out = true;
  });
  const deadline = performance.now() + withinMs;
  for (let pauseMs = 1; ; pauseMs = Math.min(pauseMs * 2, 50)) {
    await delay(pauseMs);
    if (out && (!hasProc || living(tree).length === 0)) return true;
    if (performance.now() >= deadline) return false;
  }
}
