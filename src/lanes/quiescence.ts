import { setImmediate as turn, setTimeout as delay } from 'node:timers/promises';
import { isShort } from './idle-profile.ts';
import type { IdleProfile, Waiting } from './idle-profile.ts';
import { hasProc, numbersIn, readStat, timesRun } from './proc.ts';
import type { ProcessTree } from './process-tree.ts';
import { timedWait } from './waits.ts';

/**
 * When has a service without the preload finished with a request? When its gateways have nothing open, no process that was born since is
 * alive, and every thread sleeps with nothing that would wake it by itself: the kernel says which system call each one waits in, so a
 * `sleep(0.15)` before a late write is seen as such and waited for, however long it takes, and an idle service costs one look.
 *
 * A thread that wakes again and again for nothing, as one with timers of its own does, is taken for idle while the gateways are quiet.
 *
 * Limits: a thread that waits without a time limit for something no gateway stands for (a direct connection to a database) counts as idle.
 * A wait that is asked to last about as long as the bound or longer is not waited for: its effect would come too late anyway.
 * Node.js without the preload is waited for up to a second: its http renews the Date header by a timer at the end of each.
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
  const waited = new WaitedFor();
  let quietSince = performance.now();
  let before = total(options.gateways);
  for (let pauseMs = 0.2; ; pauseMs = Math.min(pauseMs * 1.5, 5)) {
    const now = total(options.gateways);
    if (now !== before) quietSince = performance.now();
    before = now;
    const quietMs = performance.now() - quietSince;
    const first = look(options, quietMs);
    if (first.waiting !== null && waited.isRestless(first.waiting, now) && quietMs >= restlessMs) options.profile.takeForRestless(first.waiting);
    // Between two looks that agree all of it slept at once, and nothing was born that the first one missed.
    if (first.reason === null && isSame(first, look(options, quietMs), options.profile)) {
      // what was written to us by then is in our sockets: a whole turn of the loop reads it
      await turn();
      await turn();
      if (gatewayReason(options.gateways) === null && total(options.gateways) === before) {
        options.profile.remember(first.members, first.waits);
        for (const { name, limitMs } of waited.inVain(before)) options.profile.cameToNothing(name, limitMs);
        return { outcome: 'idle', waitingFor: '' };
      }
    } else if (first.reason === gone) {
      return { outcome: 'gone', waitingFor: '' };
    }
    if (performance.now() >= deadline) return { outcome: 'timeout', waitingFor: first.reason ?? 'it never came to rest for long enough to be sure' };
    const restMs = Math.min(first.restMs, longestRestMs, deadline - performance.now());
    if (pauseMs < 1 && restMs < 1) await turn();
    else await delay(Math.max(pauseMs, restMs));
  }
}

/** How long, and how often, a thread must wake for nothing to be taken for one that does so by itself. */
const restlessMs = 1_000;
const restlessRings = 3;

/** The last wait of a thread that was waited for, and what the gateways had counted while it lasted. */
interface LastWait {
  readonly name: string;
  /** As first seen. */
  readonly limitMs: number;
  readonly runs: number;
  /** How often the thread has gone on and come back. */
  readonly rings: number;
  activity: number;
}

/** What has been waited for, thread by thread. */
class WaitedFor {
  readonly #last = new Map<number, LastWait>();

  /** Notes what was seen of a thread; whether it wakes again and again. */
  isRestless({ tid, runs, wait }: Waiting, activity: number): boolean {
    const before = this.#last.get(tid);
    if (before?.runs === runs) {
      before.activity = activity;
      return before.rings >= restlessRings;
    }
    const rings = before === undefined ? 0 : before.rings + 1;
    this.#last.set(tid, { name: wait?.name ?? '', limitMs: wait?.limitMs ?? 0, runs, rings, activity });
    return rings >= restlessRings;
  }

  /** Waits since which the gateways have counted nothing. */
  *inVain(activity: number): Iterable<LastWait> {
    for (const wait of this.#last.values()) if (wait.activity === activity) yield wait;
  }
}

/** A thread that sleeps for a known time is left alone for so long at a stretch. */
const longestRestMs = 50;

const gone = 'gone';

/** What one look shows. */
interface Look {
  /** Why it is not idle; null: it is, as far as one look can tell. */
  readonly reason: string | null;
  /** For how long it will not be, at least. */
  readonly restMs: number;
  /** The thread whose wait is the reason. */
  readonly waiting: Waiting | null;
  readonly members: readonly number[];
  readonly waits: readonly Waiting[];
}

interface Reason {
  readonly text: string;
  readonly restMs: number;
  readonly waiting: Waiting | null;
}

function look(options: QuiescenceOptions, quietMs: number): Look {
  const waits: Waiting[] = [];
  const open = gatewayReason(options.gateways);
  if (open !== null || !hasProc) return { reason: open, restMs: 0, waiting: null, members: [], waits };
  const known = options.tree.knownMembers;
  let reason = firstReason(known, options.profile, { waits, quietMs, boundMs: options.timeoutMs });
  if (reason !== null) return { reason: reason.text, restMs: reason.restMs, waiting: reason.waiting, members: known, waits };
  // only now the costly list of all processes
  const members = options.tree.members();
  if (members.length === 0) return { reason: gone, restMs: 0, waiting: null, members, waits };
  reason = firstReason(members.filter((pid) => !known.includes(pid)), options.profile, { waits, quietMs, boundMs: options.timeoutMs });
  return { reason: reason?.text ?? null, restMs: reason?.restMs ?? 0, waiting: reason?.waiting ?? null, members, waits };
}

/** What a look knows and notes. */
interface Looking {
  readonly waits: Waiting[];
  readonly quietMs: number;
  readonly boundMs: number;
}

function firstReason(pids: readonly number[], profile: IdleProfile, looking: Looking): Reason | null {
  for (const pid of pids) {
    const reason = lookAt(pid, profile, looking);
    if (reason !== null) return reason;
  }
  return null;
}

/** The same threads, none of which has been given a processor in between, but for those that wake all the time by themselves. */
function isSame(first: Look, second: Look, profile: IdleProfile): boolean {
  if (second.reason !== null || second.members.length !== first.members.length || second.waits.length !== first.waits.length) return false;
  if (second.members.some((pid, index) => pid !== first.members[index])) return false;
  return second.waits.every(({ tid, runs, wait }, index) => {
    const before = first.waits[index] as Waiting;
    return tid === before.tid && (runs === before.runs || (wait !== null && isShort(wait) && profile.expects(tid, wait, 0)));
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

function lookAt(pid: number, profile: IdleProfile, { waits, quietMs, boundMs }: Looking): Reason | null {
  const whole = readStat(`/proc/${pid}/stat`);
  if (whole === null || whole.state === 'Z' || whole.state === 'X') return null;
  if (!profile.hasProcess(pid)) return { text: `process ${pid}, started during the request`, restMs: 0, waiting: null };
  for (const tid of numbersIn(`/proc/${pid}/task`)) {
    const runs = timesRun(pid, tid); // before its state: whoever has the same count later has slept all the while
    const state = readStat(`/proc/${pid}/task/${tid}/stat`)?.state;
    if (state === 'R' || state === 'D') return { text: `process ${pid} is working`, restMs: 0, waiting: null };
    const wait = timedWait(pid, tid);
    const waiting = { pid, tid, runs, wait };
    waits.push(waiting);
    if (wait === null || profile.expects(tid, wait, quietMs)) continue;
    // as long as the bound: an idle timeout of a kept-open connection, or something that comes too late to be waited for
    if (wait.limitMs !== null && wait.limitMs >= boundMs * 0.9) continue;
    const text = `process ${pid} waits in ${wait.name}${wait.limitMs === null ? '' : ` for ${Math.max(0, Math.round(wait.limitMs))} ms`}`;
    return { text, restMs: wait.measure === 'left' && sleeps.has(wait.name) ? wait.limitMs ?? 0 : 0, waiting };
  }
  return null;
}
