import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { ForeshardError } from '../model/errors.ts';
import { registerChild, stopGroup } from './live-children.ts';
import { OutputTail } from './output-tail.ts';
import { ProcessTree, instanceVariable } from './process-tree.ts';

/** What to start. */
export interface LaunchSpec {
  readonly command: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
}

/** How a process ended. */
export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A started process group. */
export interface Launched {
  readonly pid: number;
  readonly tree: ProcessTree;
  readonly output: OutputTail;
  readonly exited: Promise<Exit>;
  /** Where, seen from here, a port is reached that the service listens on. */
  reach(listening: { readonly host: string; readonly port: number }): Promise<{ readonly host: string; readonly port: number }>;
  /** Ends every process of the group and frees what was opened for it. */
  stop(): Promise<void>;
}

/** A mark that no other instance carries. */
export function newMark(): string {
  return randomBytes(8).toString('hex');
}

/** That a program cannot be started, and why. */
export function notStarted(command: readonly string[], cwd: string, cause: unknown): ForeshardError {
  const said = cause instanceof Error ? cause.message : String(cause);
  return new ForeshardError('service_not_started', `cannot start ${JSON.stringify(command.join(' '))} in ${cwd}: ${said}`, {
    hint: 'check that the program is on PATH and the folder exists', cause,
  });
}

/**
 * Starts a program as the leader of a process group of its own, so that all it starts can be ended with it.
 * @throws ForeshardError `service_not_started`
 */
export async function launch(spec: LaunchSpec): Promise<Launched> {
  const [program, ...args] = spec.command;
  if (program === undefined) throw notStarted(spec.command, spec.cwd, 'the command is empty');
  const mark = newMark();
  const output = new OutputTail();
  const child = spawn(program, args, { cwd: spec.cwd, env: { ...spec.env, [instanceVariable]: mark }, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  output.follow(child.stdout);
  output.follow(child.stderr);
  const exited = new Promise<Exit>((resolve) => {
    child.once('exit', (code, signal) => resolve({ code, signal }));
  });
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve);
    child.on('error', (error) => reject(notStarted(spec.command, spec.cwd, error)));
  });
  const pid = child.pid as number;
  const tree = new ProcessTree(pid, mark);
  registerChild(pid, tree);
  return {
    pid, tree, output, exited,
    reach: async (listening) => listening,
    stop: async () => {
      await stopGroup(pid, tree, exited);
      // a daemon that we could not see may hold them open: they must not keep us alive
      child.stdout?.destroy();
      child.stderr?.destroy();
    },
  };
}
