import { setImmediate as turn, setTimeout as delay } from 'node:timers/promises';
import type { IdleProfile, Quiet } from './idle-profile.ts';
import { processName, threadName, waitName } from './naming.ts';
import { hasProc, numbersIn, readStat } from './proc.ts';
import type { ProcessTree } from './process-tree.ts';
import { waitingOf } from './sighting.ts';
import type { Waiting } from './sighting.ts';

/**
 * When has a service without the preload finished with a request? When its gateways have nothing open, and every thread of every process
 * sleeps with nothing that would wake it by itself: the kernel says which system call each one waits in, so a `sleep(0.15)` before a late
 * write is seen as such and waited for, however long it takes, and an idle service costs one look. What a thread waits in by itself, with
 * nothing asked of it, is learnt (idle-profile.ts).
 *
 * A thread that wakes again and again for nothing, as one with timers of its own does, is taken for idle while the gateways are quiet. A
 * process that was started since is, when it has not run for a second: a helper that the service keeps.
 *
 * Limits: a thread that waits without a time limit for something no gateway stands for (a direct connection to a database) counts as idle.
 * A wait that is asked to last about as long as the bound or longer is not waited for: its effect would come too late anyway.
 * Node.js without the preload may be waited for up to a second: its http renews the Date header by a timer at the end of each.
 */

/** What a gateway says of itself for one lane. */
export interface GatewayActivity {
  /** Requests that are open. */
  pending(): number;
  /** Changes with everything that passes. */
  activity(): number;
}

/** How waiting ended. */
export interface QuiescenceResult {
  readonly outcome: 'idle' | 'timeout' | 'gone';
  /** What still went on when time was up, for people. */
  readonly waitingFor: string;
}

/** What {@link waitQuiescent} looks at. */
export interface QuiescenceOptions {
  readonly tree: ProcessTree;
  readonly gateways: readonly GatewayActivity[];
  readonly profile: IdleProfile;
  readonly timeoutMs: number;
}

/** Resolves when the lane is idle, or when `timeoutMs` are over, saying what it still waited for. Never throws. */
export async function waitQuiescent(options: QuiescenceOptions): Promise<QuiescenceResult> {
  const deadline = performance.now() + options.timeoutMs;
  let quietSince = performance.now();
  let before = total(options.gateways);
  for (let pauseMs = 0.2; ; pauseMs = Math.min(pauseMs * 1.5, 5)) {
    const startedAt = performance.now();
    const now = total(options.gateways);
    if (now !== before) quietSince = startedAt;
    before = now;
    const quiet = { activity: now, quietMs: startedAt - quietSince, boundMs: options.timeoutMs };
    const first = look(options, quiet);
    const tookMs = performance.now() - startedAt;
    // Between two looks that agree all of it slept at once, and nothing was born that the first one missed.
    if (first.reason === null && isSame(first, look(options, quiet), options.profile)) {
      // what was written to us by then is in our sockets: one whole turn of the loop accepts a connection, the next one reads from it
      for (let turns = 0; turns < 3; turns++) await turn();
      if (gatewayReason(options.gateways) === null && total(options.gateways) === before) {
        options.profile.remember(first.members, first.waits, before);
        return { outcome: 'idle', waitingFor: '' };
      }
    } else if (first.reason === gone) {
      return { outcome: 'gone', waitingFor: '' };
    }
    if (performance.now() >= deadline) return { outcome: 'timeout', waitingFor: first.reason ?? 'it never came to rest for long enough to be sure' };
    const restMs = Math.min(Math.max(first.restMs, 4 * tookMs), longestRestMs, deadline - performance.now());
    if (pauseMs < 1 && restMs < 1) await turn();
    else await delay(Math.max(pauseMs, restMs));
  }
}

/** A thread that sleeps for a known time is left alone for so long at a stretch. */
const longestRestMs = 50;

const gone = 'gone';

/** How long a process that was started since must not have run to be taken for one that stays. */
const newcomerCalmMs = 1_000;

/** So many threads are named. */
const maxNamed = 3;

/** What one look shows. */
interface Look {
  /** Why it is not idle; null: it is, as far as one look can tell. */
  readonly reason: string | null;
  /** For how long it will not be, at least. */
  readonly restMs: number;
  readonly members: readonly number[];
  readonly waits: readonly Waiting[];
}

interface Reason {
  readonly text: string;
  readonly restMs: number;
}

function look(options: QuiescenceOptions, quiet: Quiet): Look {
  const waits: Waiting[] = [];
  const open = gatewayReason(options.gateways);
  if (open !== null || !hasProc) return { reason: open, restMs: 0, members: [], waits };
  const looking = { profile: options.profile, quiet, waits };
  const known = options.tree.knownMembers;
  let reason = reasonIn(known, looking);
  if (reason !== null) return { reason: reason.text, restMs: reason.restMs, members: known, waits };
  // only now the costly list of all processes
  const members = options.tree.members();
  if (members.length === 0) return { reason: gone, restMs: 0, members, waits };
  reason = reasonIn(members.filter((pid) => !known.includes(pid)), looking);
  return { reason: reason?.text ?? null, restMs: reason?.restMs ?? 0, members, waits };
}

/** What a look knows and notes. */
interface Looking {
  readonly profile: IdleProfile;
  readonly waits: Waiting[];
  readonly quiet: Quiet;
}

/** Looks at all of them, so that it is known of each when it went into its wait, and puts together what a few of them still do. */
function reasonIn(pids: readonly number[], looking: Looking): Reason | null {
  const reasons = pids.flatMap((pid) => lookAt(pid, looking));
  if (reasons.length === 0) return null;
  const more = reasons.length - maxNamed;
  return {
    text: [...reasons.slice(0, maxNamed).map(({ text }) => text), ...more > 0 ? [`${more} more`] : []].join('; '),
    restMs: Math.min(...reasons.map(({ restMs }) => restMs)),
  };
}

/** The same threads, none of which has been given a processor in between, but for those that wake all the time by themselves. */
function isSame(first: Look, second: Look, profile: IdleProfile): boolean {
  if (second.reason !== null || second.members.length !== first.members.length || second.waits.length !== first.waits.length) return false;
  if (second.members.some((pid, index) => pid !== first.members[index])) return false;
  return second.waits.every((waiting, index) => {
    const before = first.waits[index] as Waiting;
    return waiting.tid === before.tid && (waiting.runs === before.runs || profile.isTicking(waiting));
  });
}

function total(gateways: readonly GatewayActivity[]): number {
  let sum = 0;
  for (const gateway of gateways) sum += gateway.activity();
  return sum;
}

function gatewayReason(gateways: readonly GatewayActivity[]): string | null {
  for (const gateway of gateways) {
    const open = gateway.pending();
    if (open > 0) return `${open} open call${open === 1 ? '' : 's'} at a gateway`;
  }
  return null;
}

/** Whether any thread of the tree works now. */
export function isWorking(tree: ProcessTree): boolean {
  for (const pid of tree.members()) {
    for (const tid of numbersIn(`/proc/${pid}/task`)) {
      const state = readStat(`/proc/${pid}/task/${tid}/stat`)?.state;
      if (state === 'R' || state === 'D') return true;
    }
  }
  return false;
}

/** Waits that nothing but time ends. */
const sleeps: ReadonlySet<string> = new Set(['nanosleep', 'clock_nanosleep']);

function lookAt(pid: number, { profile, quiet, waits }: Looking): Reason[] {
  const whole = readStat(`/proc/${pid}/stat`);
  if (whole === null || whole.state === 'Z' || whole.state === 'X') return [];
  const reasons: Reason[] = [];
  let runs = 0;
  for (const tid of numbersIn(`/proc/${pid}/task`)) {
    const state = readStat(`/proc/${pid}/task/${tid}/stat`)?.state;
    if (state === 'R' || state === 'D') {
      reasons.push({ text: `${threadName(pid, tid)}, is working`, restMs: 0 });
      continue;
    }
    const waiting = waitingOf(pid, tid);
    runs += waiting.runs;
    waits.push(waiting);
    const { wait } = waiting;
    if (profile.isAtRest(waiting, quiet) || wait === null) continue;
    reasons.push({ text: `${threadName(pid, tid)}, in ${waitName(wait)}`, restMs: wait.measure === 'left' && sleeps.has(wait.name) ? wait.limitMs ?? 0 : 0 });
  }
  if (reasons.length === 0 && !profile.hasProcess(pid) && profile.newcomerCalmMs(pid, runs) < newcomerCalmMs) {
    return [{ text: `${processName(pid)}, started during the request`, restMs: 0 }];
  }
  return reasons;
}
