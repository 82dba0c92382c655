import { setTimeout as delay } from 'node:timers/promises';
import { hasProc, readStat } from './proc.ts';
import type { ProcessTree } from './process-tree.ts';

/** Everything this process has started and not yet stopped, by process group. None may outlive us. */
const live = new Map<number, ProcessTree>();
let armed = false;

/** Makes sure that this group dies with us, however we end. */
export function registerChild(pid: number, tree: ProcessTree): void {
  live.set(pid, tree);
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
function living(tree: ProcessTree): number[] {
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
