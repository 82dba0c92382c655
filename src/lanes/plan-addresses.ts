import { closeSync, openSync, readSync, statSync } from 'node:fs';
import { basename, delimiter, join } from 'node:path';
import type { Redirect } from '../model/preload-protocol.ts';
import { unavailable } from './namespace.ts';

/**
 * How a lane's service comes to speak to the lane's gateways: the preload redirects its connections (Node.js); its environment or command line
 * says where they are; it lives in a network of its own where the addresses in its code are the gateways; or the gateways stand at the
 * addresses in its code, which one lane at a time can have.
 */
export type AddressPlan = 'preload' | 'env' | 'namespace' | 'original-port';

/** What earlier starts of the same command have shown. */
export interface Learnt {
  /** The preload was found in it, or not. */
  preloaded?: boolean;
  /** It listens on a port that another instance has. */
  fixedPort?: boolean;
  /** In a network of its own it wants ports that other servers of this machine have. */
  needsPorts?: boolean;
  /** It does not start with a clock of ours in it. */
  fakeClock?: boolean;
  /** By address that its inherited environment speaks of: `environment`, it reads it there; `code`, it has it in its code all the same. */
  readonly addresses: Map<string, 'environment' | 'code'>;
}

/** What {@link planAddresses} decides by. */
export interface PlanFacts {
  readonly command: readonly string[];
  readonly preload: 'auto' | 'off';
  readonly isolation: 'auto' | 'none' | 'namespace';
  /** Redirects that neither environment nor command line speak of. */
  readonly unled: readonly Redirect[];
  /** Network namespaces work here. */
  readonly namespaces: boolean;
  /** The command runs Node.js. */
  readonly node: boolean;
  readonly learnt: Learnt;
}

/**
 * Decides. Pure.
 * @throws ForeshardError `lane_unavailable` when there is no way
 */
export function planAddresses(facts: PlanFacts): AddressPlan {
  const { preload, isolation, unled, namespaces, node, learnt } = facts;
  if (isolation === 'namespace') {
    if (!namespaces) throw unavailable('isolation "namespace" is asked for, and network namespaces are not available here');
    return 'namespace';
  }
  const preloadable = preload === 'auto' && (learnt.preloaded ?? node);
  if (preloadable) return 'preload';
  if (unled.length === 0 && learnt.fixedPort !== true) return preload === 'auto' && learnt.preloaded === undefined ? 'preload' : 'env';
  if (isolation === 'auto' && namespaces) return 'namespace';
  if (learnt.fixedPort === true) throw unavailable(`${JSON.stringify(facts.command.join(' '))} listens on a port of its own choice that is taken, and network namespaces are ${isolation === 'none' ? 'switched off' : 'not available here'}`);
  return 'original-port';
}

const nodePrograms = /^(?:node|nodejs|npm|npx|yarn|pnpm|tsx|ts-node|nodemon|pm2-runtime)(?:\.exe|\.cmd)?$/;

/** Whether a command is sure to run Node.js: by its name, or by the first line of the script it names. */
export function runsNode(command: readonly string[], path: string): boolean {
  const program = command[0];
  if (program === undefined) return false;
  if (nodePrograms.test(basename(program))) return true;
  if (basename(program) === 'env') return runsNode(command.slice(1).filter((word) => !word.includes('=')), path);
  const candidates = program.includes('/') ? [program] : path.split(delimiter).map((folder) => join(folder, program));
  return candidates.some((candidate) => /^#!.*\bnode\b/.test(firstLine(candidate)));
}

function firstLine(path: string): string {
  let fd = -1;
  try {
    if (!statSync(path).isFile()) return '';
    fd = openSync(path, 'r');
    const start = Buffer.alloc(256);
    return start.toString('latin1', 0, readSync(fd, start, 0, start.length, 0)).split('\n', 1)[0] ?? '';
  } catch {
    return '';
  } finally {
    if (fd >= 0) closeSync(fd);
  }
}
