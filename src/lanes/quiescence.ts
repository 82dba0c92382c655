import { setImmediate as turn, setTimeout as delay } from 'node:timers/promises';
import { hasProc, numbersIn, readStat, timesRun } from './proc.ts';
import type { ProcessTree } from './process-tree.ts';
import { timedWait } from './waits.ts';
import type { TimedWait } from './waits.ts';

/**
 * When has a service without the preload finished with a request? When its gateways have nothing open, no process that was born since is
 * alive, and every thread sleeps with nothing that would wake it by itself: the kernel says which system call each one waits in, so a
 * `sleep(0.15)` before a late write is seen as such and waited for, however long it takes, and an idle service costs one look.
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

/**
 * An event loop shows its next timer alone, so a known one may hide a later one of the request. One that rings sooner than this is waited
 * for, to see what comes after it; behind one that rings later, an effect that a request sets off still later than that would be missed.
 */
const soonMs = 1_000;

/** A thread that waits. */
interface Waiting {
  readonly pid: number;
  readonly tid: number;
  /** How often it had been given a processor, before it was looked at. */
  readonly runs: number;
  /** null: without a time limit. */
  readonly wait: TimedWait | null;
}

/** Two sightings of one timer, in ms: taken for the same if it would ring at the same time. */
const sameTimerMs = 2;

/**
 * What threads wait for while the service does nothing: the `poll(0.5)` of an accept loop, the timer that closes unused connections.
 * Timers are known by when they ring, since event loops ask for what is left of them.
 */
export class IdleProfile {
  readonly #waits = new Set<string>();
  #timers = new Map<number, { earliest: number; latest: number }>();
  #lastIdle = 0;
  /** Processes that live while nothing is going on: any other belongs to the request under way. */
  #processes: ReadonlySet<number> = new Set();

  /** Takes what the tree waits in now for idle. Call it only when no request is under way. */
  learn(tree: ProcessTree, boundMs: number): void {
    if (!hasProc) return;
    const members = tree.members();
    const waits = members.flatMap((pid) => numbersIn(`/proc/${pid}/task`).map((tid): Waiting => ({ pid, tid, runs: 0, wait: timedWait(pid, tid) })));
    this.remember(members, waits);
    for (const { tid, wait } of waits) {
      // a longer one is never waited for
      if (wait !== null && (wait.limitMs === null || wait.limitMs < boundMs)) this.#waits.add(nameOf(tid, wait));
    }
  }

  /** Notes which processes live and when timers ring while nothing is going on. */
  remember(members: readonly number[], waits: readonly Waiting[]): void {
    const now = performance.now();
    const timers = new Map<number, { earliest: number; latest: number }>();
    for (const { tid, wait } of waits) {
      if (wait !== null && wait.limitMs !== null) timers.set(tid, this.#rings(tid, wait, now));
    }
    this.#processes = new Set(members);
    this.#timers = timers;
    this.#lastIdle = now;
  }

  /** The process was there before the request. */
  hasProcess(pid: number): boolean {
    return this.#processes.has(pid);
  }

  /** This wait is one the thread is in when nothing is going on. */
  expects(tid: number, wait: TimedWait): boolean {
    if (this.#waits.has(nameOf(tid, wait))) return true;
    const timer = this.#timers.get(tid);
    if (timer === undefined || wait.limitMs === null || wait.limitMs < soonMs) return false;
    const now = this.#rings(tid, wait, performance.now());
    return now.earliest <= timer.latest + sameTimerMs && now.latest >= timer.earliest - sameTimerMs;
  }

  /** When it ends: a wait that was asked for began after the service was last seen idle, unless it is that very one. */
  #rings(tid: number, wait: TimedWait, now: number): { earliest: number; latest: number } {
    const latest = now + (wait.limitMs ?? 0);
    if (wait.measure === 'left') return { earliest: latest, latest };
    const before = this.#timers.get(tid);
    if (before !== undefined && latest - (now - this.#lastIdle) <= before.latest && latest >= before.earliest) {
      return { earliest: Math.max(before.earliest, latest - (now - this.#lastIdle)), latest: Math.min(latest, before.latest) };
    }
    return { earliest: latest - (now - this.#lastIdle), latest };
  }
}

/** Waits up to this long are one: watchdogs such as Go's vary theirs between 20 µs and 10 ms. */
const shortMs = 20;

function isShort(wait: TimedWait): boolean {
  return wait.limitMs !== null && wait.limitMs <= shortMs;
}

/** A wait for a point in time differs each time it is looked at: it goes by its name alone. */
function nameOf(tid: number, wait: TimedWait): string {
  if (wait.measure === 'left' || wait.limitMs === null) return `${tid} ${wait.name}`;
  return `${tid} ${wait.name} ${isShort(wait) ? 'short' : wait.limitMs}`;
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
  for (let pauseMs = 0.2; ; pauseMs = Math.min(pauseMs * 1.5, 5)) {
    const before = total(options.gateways);
    const first = look(options);
    // Between two looks that agree all of it slept at once, and nothing was born that the first one missed.
    if (first.reason === null && isSame(first, look(options), options.profile)) {
      // what was written to us by then is in our sockets: a whole turn of the loop reads it
      await turn();
      await turn();
      if (gatewayReason(options.gateways) === null && total(options.gateways) === before) {
        options.profile.remember(first.members, first.waits);
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

/** A thread that sleeps for a known time is left alone for so long at a stretch. */
const longestRestMs = 50;

const gone = 'gone';

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

function look(options: QuiescenceOptions): Look {
  const waits: Waiting[] = [];
  const open = gatewayReason(options.gateways);
  if (open !== null || !hasProc) return { reason: open, restMs: 0, members: [], waits };
  const known = options.tree.knownMembers;
  let reason = firstReason(known, options, waits);
  if (reason !== null) return { reason: reason.text, restMs: reason.restMs, members: known, waits };
  // only now the costly list of all processes
  const members = options.tree.members();
  if (members.length === 0) return { reason: gone, restMs: 0, members, waits };
  reason = firstReason(members.filter((pid) => !known.includes(pid)), options, waits);
  return { reason: reason?.text ?? null, restMs: reason?.restMs ?? 0, members, waits };
}

function firstReason(pids: readonly number[], options: QuiescenceOptions, waits: Waiting[]): Reason | null {
  for (const pid of pids) {
    const reason = lookAt(pid, options, waits);
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
    return tid === before.tid && (runs === before.runs || (wait !== null && isShort(wait) && profile.expects(tid, wait)));
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

function lookAt(pid: number, { profile, timeoutMs }: QuiescenceOptions, waits: Waiting[]): Reason | null {
  const whole = readStat(`/proc/${pid}/stat`);
  if (whole === null || whole.state === 'Z' || whole.state === 'X') return null;
  if (!profile.hasProcess(pid)) return { text: `process ${pid}, started during the request`, restMs: 0 };
  for (const tid of numbersIn(`/proc/${pid}/task`)) {
    const runs = timesRun(pid, tid); // before its state: whoever has the same count later has slept all the while
    const state = readStat(`/proc/${pid}/task/${tid}/stat`)?.state;
    if (state === 'R' || state === 'D') return { text: `process ${pid} is working`, restMs: 0 };
    const wait = timedWait(pid, tid);
    waits.push({ pid, tid, runs, wait });
    if (wait === null || profile.expects(tid, wait)) continue;
    // as long as the bound: an idle timeout of a kept-open connection, or something that comes too late to be waited for
    if (wait.limitMs !== null && wait.limitMs >= timeoutMs * 0.9) continue;
    const text = `process ${pid} waits in ${wait.name}${wait.limitMs === null ? '' : ` for ${Math.max(0, Math.round(wait.limitMs))} ms`}`;
    return { text, restMs: wait.measure === 'left' && sleeps.has(wait.name) ? wait.limitMs ?? 0 : 0 };
  }
  return null;
}
