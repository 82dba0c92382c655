import { once } from 'node:events';
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import { instanceVariable, ProcessTree } from './process-tree.ts';

const started: { child: ChildProcess; tree: ProcessTree }[] = [];

afterEach(() => {
  for (const { child, tree } of started.splice(0)) {
    for (const pid of [...tree.members(), child.pid as number]) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // it has ended
      }
    }
  }
});

/** Starts a shell script that says when its children have been started, and resolves with the process tree, which is looked at only then. */
async function treeOf(script: string, env: Record<string, string> = {}): Promise<ProcessTree> {
  const mark = Math.random().toString(16).slice(2);
  const child = spawn('sh', ['-c', script], { stdio: ['ignore', 'pipe', 'pipe'], detached: true, env: { PATH: process.env['PATH'], ...env, [instanceVariable]: mark } });
  const tree = new ProcessTree(child.pid as number, mark);
  started.push({ child, tree });
  await once(child.stdout, 'data');
  return tree;
}

test.skipIf(process.platform !== 'linux')('a child that another process has adopted belongs to it, whatever it has done to its environment', async () => {
  const adopted = await treeOf('(setsid env -i sleep 30 &); sleep 0.2; echo started; exec sleep 30');
  await expect.poll(() => adopted.members().length).toBe(2);
  const large = await treeOf('(setsid sleep 30 >/dev/null 2>&1 &); sleep 0.2; echo started; exec sleep 30', { LARGE: 'x'.repeat(100_000) });
  await expect.poll(() => large.members().length).toBe(2);
  expect(adopted.members().filter((pid) => large.members().includes(pid))).toEqual([]);
});

test.skipIf(process.platform !== 'linux')('what a child leaves behind in its own session belongs to it when the child was seen', async () => {
  const tree = await treeOf("setsid sh -c 'sleep 0.4; (env -i sleep 30 >/dev/null 2>&1 &); sleep 0.2' & echo started; exec sleep 30");
  const before = new Set(tree.members());
  await delay(1_000);
  expect(tree.members().filter((pid) => !before.has(pid))).toHaveLength(1);
});
