import { memberName } from '../model/shard-map.ts';

/*
 * Who is there, from heartbeats. Intuition: silence is the only evidence of death, so what counts is how long a member has been silent while the observer could hear; what could not be heard because
 * the observer slept or was cut off is no silence. A member that comes and goes does more harm than one that is gone: each return costs copies. So it must be heard for longer and longer before
 * it counts as up. A member that lost its memory (another life) is dead in its old life at once. Limits: a verdict may be wrong (a slow network looks like death); safety must never rest on it.
 * Thresholds on missed heartbeats: as in most clusters (Slicer, Dicer); the observer that doubts itself: Lifeguard (Dadgar et al. 2018), Cassandra's local pause.
 */

/** `suspected`: not to be relied on, not yet to be replaced. */
export type MemberCondition = 'up' | 'suspected' | 'dead';

/** What is thought of a member, and in words why. */
export interface MemberState {
  readonly id: string;
  /** The life it was last heard in; undefined: never heard. */
  readonly life: string | undefined;
  readonly condition: MemberCondition;
  readonly reason: string;
}

/** A member, in one life, is thought of differently. `from` is undefined for one that is new. */
export interface MembershipChange extends MemberState {
  readonly from: MemberCondition | undefined;
}

/** Options of {@link MembershipDetector}; the defaults in brackets. */
export interface MembershipOptions {
  /** Between two heartbeats, in ms (250). */
  readonly intervalMs?: number;
  /** Silent for so many intervals: suspected (2); dead (4). */
  readonly suspectAfter?: number;
  readonly deadAfter?: number;
  /** A member that came back so often within the window (3 in 60,000 ms) must be heard without a break for `deadAfter` intervals before it is up, twice as long with each further time. */
  readonly flaps?: number;
  readonly flapWindowMs?: number;
  /** Nobody is declared dead unless more than this share of all members is heard: 0 (when left out), somebody; 0.5, a majority. Null: the observer never doubts itself. */
  readonly trustAbove?: number | null;
}

interface Observed {
  readonly id: string;
  life: string | undefined;
  /** When it was last heard, or added. */
  lastAt: number;
  /** Since when it has been heard without a break. */
  steadySince: number;
  /** When it came back after it was dead, or in another life. */
  comebacks: number[];
  /** Declared, until it is heard again. */
  isDead: boolean;
  misses: number;
  lastMiss: string | undefined;
}

/** Feeds on heartbeats and says who is up, suspected or dead. Its time is what it is told; when that jumps back it stands still. */
export class MembershipDetector {
  readonly intervalMs: number;
  readonly #suspectMs: number;
  readonly #deadMs: number;
  readonly #flaps: number;
  readonly #flapWindowMs: number;
  readonly #trustAbove: number | null;
  readonly #members = new Map<string, Observed>();
  /** Silence before this does not count towards death: the observer could not hear. */
  #listeningSince = 0;
  #inDoubt = false;
  #newest = 0;
  #shift = 0;

  constructor(options: MembershipOptions = {}) {
    this.intervalMs = options.intervalMs ?? 250;
    this.#suspectMs = (options.suspectAfter ?? 2) * this.intervalMs;
    this.#deadMs = (options.deadAfter ?? 4) * this.intervalMs;
    this.#flaps = options.flaps ?? 3;
    this.#flapWindowMs = options.flapWindowMs ?? 60_000;
    this.#trustAbove = options.trustAbove === undefined ? 0 : options.trustAbove;
  }

  /** Expects a member from now on: suspected until it is heard. One that is known stays as it is. */
  add(id: string, at: number): void {
    const now = this.#time(at);
    if (this.#members.has(id)) return;
    this.#members.set(id, { id, life: undefined, lastAt: now, steadySince: now, comebacks: [], isDead: false, misses: 0, lastMiss: undefined });
  }

  /** Forgets a member and its past. */
  remove(id: string): void {
    this.#members.delete(id);
  }

  /** A member answered, in this life. */
  heard(id: string, life: string, at: number): void {
    this.add(id, at);
    const now = this.#time(at);
    this.#settle(now);
    const member = this.#members.get(id) as Observed;
    const isBack = member.isDead || (member.life !== undefined && member.life !== life);
    if (isBack) member.comebacks = [...member.comebacks.filter((time) => time > now - this.#flapWindowMs), now];
    if (isBack || member.life === undefined || now - member.lastAt >= this.#suspectMs) member.steadySince = now;
    Object.assign(member, { life, lastAt: now, isDead: false, misses: 0, lastMiss: undefined });
    this.#settle(now);
  }

  /** A heartbeat failed: refused, broken or too late. It hastens nothing, but is given as a reason. */
  missed(id: string, why: string, at: number): void {
    this.add(id, at);
    const member = this.#members.get(id) as Observed;
    member.misses += 1;
    member.lastMiss = why;
  }

  /** The observer itself was not running until now: who was silent meanwhile has a fresh start. */
  paused(at: number): void {
    this.#listeningSince = this.#time(at);
  }

  /** What is thought of every member now. Without a heartbeat nobody gets better by it. */
  states(at: number): MemberState[] {
    const now = this.#time(at);
    this.#settle(now);
    return [...this.#members.values()].map((member) => this.#stateOf(member, now));
  }

  /** What is thought of a member in one life (undefined: in whichever it is): dead in any other than its newest, and when nobody expects it. */
  stateOf(id: string, life: string | undefined, at: number): MemberState {
    const now = this.#time(at);
    this.#settle(now);
    const member = this.#members.get(id);
    if (member === undefined) return { id, life, condition: 'dead', reason: 'not a member' };
    if (life !== undefined && member.life !== undefined && member.life !== life) return formerLife(id, life, member.life);
    return { ...this.#stateOf(member, now), life: life ?? member.life };
  }

  #stateOf(member: Observed, now: number): MemberState {
    const { id, life } = member;
    const silence = this.#silenceInWords(member, now);
    if (member.isDead) return { id, life, condition: 'dead', reason: silence };
    if (now - member.lastAt >= this.#deadMs && this.#inDoubt) return { id, life, condition: 'suspected', reason: `${silence}; so are most others, which may be this observer's own fault` };
    if (life === undefined || now - member.lastAt >= this.#suspectMs) return { id, life, condition: 'suspected', reason: silence };
    const steadyMs = member.lastAt - member.steadySince;
    const neededMs = this.#neededMs(member);
    if (steadyMs >= neededMs) return { id, life, condition: 'up', reason: 'heard' };
    return { id, life, condition: 'suspected', reason: `came back ${this.#comebacks(member)} times within ${this.#flapWindowMs} ms: heard for ${steadyMs} of ${neededMs} ms` };
  }

  #silenceInWords({ life, lastAt, misses, lastMiss }: Observed, now: number): string {
    const silent = `${life === undefined ? 'never heard' : 'silent'} for ${Math.round(now - lastAt)} ms`;
    return lastMiss === undefined ? silent : `${silent}, ${misses} ${misses === 1 ? 'heartbeat' : 'heartbeats'} failed: ${lastMiss}`;
  }

  /** As of when it was last heard, so that the mere passing of time makes nobody better. */
  #comebacks({ comebacks, lastAt }: Observed): number {
    return comebacks.filter((time) => time > lastAt - this.#flapWindowMs).length;
  }

  #neededMs(member: Observed): number {
    const beyond = this.#comebacks(member) - this.#flaps;
    return beyond < 0 ? 0 : Math.min(this.#deadMs * 2 ** beyond, this.#flapWindowMs);
  }

  /** Declares dead who has been silent for too long, while the observer can be trusted. */
  #settle(now: number): void {
    const doubts = !this.#isTrusted(now);
    if (this.#inDoubt && !doubts) this.#listeningSince = now;
    this.#inDoubt = doubts;
    if (doubts) return;
    for (const member of this.#members.values()) {
      if (now - Math.max(member.lastAt, this.#listeningSince) >= this.#deadMs) member.isDead = true;
    }
  }

  #isTrusted(now: number): boolean {
    if (this.#trustAbove === null) return true;
    let heard = 0;
    for (const member of this.#members.values()) if (member.life !== undefined && now - member.lastAt < this.#suspectMs) heard += 1;
    return heard > this.#trustAbove * this.#members.size;
  }

  /** The time as it passes here: small steps back are none, large ones (a clock was set) are taken out. */
  #time(at: number): number {
    if (at + this.#shift < this.#newest - this.#suspectMs) this.#shift = this.#newest - at;
    this.#newest = Math.max(this.#newest, at + this.#shift);
    return this.#newest;
  }
}

/** What changed between two looks at {@link MembershipDetector.states}: by member and life, a former life first. */
export function membershipChanges(before: readonly MemberState[], after: readonly MemberState[]): MembershipChange[] {
  const known = new Map(before.map((state) => [state.id, state]));
  const changes: MembershipChange[] = [];
  for (const state of after) {
    const old = known.get(state.id);
    const isReborn = old?.life !== undefined && old.life !== state.life;
    if (isReborn && old.condition !== 'dead') changes.push({ ...formerLife(old.id, old.life, state.life as string), from: old.condition });
    if (old === undefined || isReborn || old.life !== state.life || old.condition !== state.condition) changes.push({ ...state, from: isReborn ? undefined : old?.condition });
  }
  return changes;
}

function formerLife(id: string, life: string, newer: string): MemberState {
  return { id, life, condition: 'dead', reason: `lost what it held: it came back as ${memberName({ id, life: newer })}` };
}
