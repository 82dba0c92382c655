import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { splitCommand } from '../config/config.ts';
import { registerChild, stopGroup } from '../lanes/live-children.ts';
import { ProcessTree, instanceVariable } from '../lanes/process-tree.ts';
import { ForeshardError } from '../model/errors.ts';

/** A command that sends the traffic. */
export interface Driver {
  /** Resolves when it has ended: with nothing when it ended well. */
  readonly ended: Promise<ForeshardError | undefined>;
  /** Ends it and all it has started. */
  stop(): Promise<void>;
}

/** Starts a driver in a process group of its own, so that it can be ended as a whole. */
export function startDriver(command: string, url: string): Driver {
  const [file, ...args] = splitCommand(command).map((word) => word.replaceAll('{url}', url));
  const mark = randomBytes(8).toString('hex');
  const child = spawn(file as string, args, {
    stdio: ['ignore', 'inherit', 'inherit'], detached: true, env: { ...process.env, FORESHARD_URL: url, [instanceVariable]: mark },
  });
  const { pid } = child;
  const tree = pid === undefined ? undefined : new ProcessTree(pid, mark);
  if (pid !== undefined && tree !== undefined) registerChild(pid, tree);
  const ended = new Promise<ForeshardError | undefined>((done) => {
    child.once('error', (error) => done(new ForeshardError('usage', `--drive cannot be started: ${error.message}`, { hint: 'check that the program is on PATH' })));
    child.once('exit', (code, signal) => done(code === 0 ? undefined
      : new ForeshardError('drive_failed', `--drive ended ${signal === null ? `with exit code ${code}` : `by ${signal}`}`, { hint: 'what was recorded up to then is kept' })));
  });
  return {
    ended,
    stop: async () => {
      if (pid !== undefined && tree !== undefined) await stopGroup(pid, tree, ended);
    },
  };
}
