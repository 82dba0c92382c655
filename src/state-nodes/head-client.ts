import type { ContentHash } from '../lib/content-hash.ts';
import { groupBy } from '../lib/group-by.ts';
import type { HybridLogicalClock } from '../lib/hybrid-logical-clock.ts';
import { Lru } from '../lib/lru.ts';
import { sleep, type Timing } from '../lib/timing.ts';
import { slotOf } from '../model/directory.ts';
import { ForeshardError } from '../model/errors.ts';
import type { StateKey } from '../model/state-key.ts';
import type { ClusterView } from './cluster-view.ts';
import { pullHeads } from './handoff.ts';
import { mergeInto, type MergeContext, type MergeOutcome } from './head-merge.ts';
import { decodeHead, distinctValues, encodeHead, mergeHeads, noHead, putHead, type HeadOrder, type HeadState, type HeadValue, type VersionVector } from './head.ts';
import { soundRules, type Consistency, type ProtocolRules } from './protocol-rules.ts';
import { compareEntries, type HeadOf, type RegisterAnswer, type SlotEntry } from './slot-register.ts';

/** Options of {@link HeadClient}. */
export interface HeadClientOptions {
  readonly view: ClusterView;
  readonly timing: Timing;
  readonly clock: HybridLogicalClock;
  /** Unique among the clients, in each life of theirs: breaks ties. */
  readonly name: string;
  readonly order: HeadOrder;
  /** For all elements, or by element. */
  readonly consistency: Consistency | ((key: StateKey) => Consistency);
  readonly rules?: ProtocolRules;
  /** Tries go on for so long; 5000 when left out. */
  readonly deadlineMs?: number;
}

/** The head of an element as read. */
export interface ReadHead {
  readonly key: StateKey;
  /** What it points at, newest first; several only where siblings are kept; none: never written. A value with `hash` null is a deletion. */
  readonly values: readonly HeadValue[];
  /** To be given with a write that has seen these values. */
  readonly context: VersionVector;
}

/** A write of a head. */
export interface HeadWrite {
  readonly key: StateKey;
  /** Names the write; a retry after an error has the same. */
  readonly id: string;
  readonly revision: number;
  readonly hash: ContentHash | null;
  /** What the writer has seen; none: it writes without having read. */
  readonly context?: VersionVector;
}

/** What a client has done beyond answering. */
export interface HeadClientStats {
  readonly repairs: number;
  readonly hintsKept: number;
  readonly hintsDelivered: number;
  readonly hintsDropped: number;
  readonly retries: number;
}

const [mostHints, knownHeads, pauseMs, mostHelp] = [50_000, 20_000, 20, 4];

/**
 * Reads and writes heads at all owners of their slots: a write is acknowledged at W active owners, a read asks R, and what owners turn out to lack is given to them (read repair, hinted
 * handoff). See protocol-rules.ts for W and R, and docs/decisions/0006 for why that is enough.
 */
export class HeadClient {
  readonly #options: HeadClientOptions;
  readonly #rules: ProtocolRules;
  readonly #context: MergeContext;
  /** Heads as last seen anywhere: the first guess of a compare-and-set. */
  readonly #known = new Lru<StateKey, string>(knownHeads);
  readonly #hints = new Map<string, Map<StateKey, HeadState>>();
  readonly #counts = { repairs: 0, hintsKept: 0, hintsDelivered: 0, hintsDropped: 0, retries: 0 };

  constructor(options: HeadClientOptions) {
    this.#options = options;
    this.#rules = options.rules ?? soundRules;
    this.#context = { view: options.view, order: options.order, rules: this.#rules };
  }

  get stats(): HeadClientStats {
    return { ...this.#counts };
  }

  /** The heads of these elements, in order. @throws ForeshardError `quorum_missing` */
  async read(keys: readonly StateKey[]): Promise<ReadHead[]> {
    const found = new Map<StateKey, HeadState>();
    await Promise.all([...groupBy(new Set(keys), slotOf)].map(([slot, group]) => this.#persist(slot, () => this.#readSlot(slot, group, found))));
    return keys.map((key) => {
      const head = found.get(key) ?? noHead;
      for (const { at } of head.values) if (this.#rules.clockReceives) this.#options.clock.receive(at);
      return { key, values: distinctValues(head), context: head.seen };
    });
  }

  /** Writes heads; resolves when each is acknowledged, with the hybrid logical times they have. @throws ForeshardError `quorum_missing`: it may be written or not; a retry with the same id does no harm */
  async write(writes: readonly HeadWrite[]): Promise<number[]> {
    return Promise.all(writes.map(async (write) => {
      const at = this.#options.clock.tick();
      const slot = slotOf(write.key);
      await this.#persist(slot, () => this.#writeOnce(slot, write, at));
      return at;
    }));
  }

  /** Gives owners that answer again what they missed; what they no longer own is forgotten. */
  async deliverHints(): Promise<void> {
    await Promise.all([...this.#hints].map(async ([name, heads]) => {
      const tasks = [...groupBy(heads, ([key]) => slotOf(key))].map(([slot, group]) => ({ slot, entry: this.#options.view.entry(slot), heads: new Map(group) }));
      const owned = tasks.filter(({ entry }) => entry.own.includes(name));
      for (const task of tasks.filter((one) => !owned.includes(one))) this.#forgetHints(name, task.heads, 'hintsDropped');
      const outcomes = await mergeInto(this.#context, name, owned);
      owned.forEach((task, index) => {
        const outcome = outcomes[index] as MergeOutcome;
        if (outcome !== 'silent' && outcome.status === 'ok') this.#forgetHints(name, task.heads, 'hintsDelivered');
      });
    }));
  }

  #consistencyOf(key: StateKey): Consistency {
    const { consistency } = this.#options;
    return typeof consistency === 'function' ? consistency(key) : consistency;
  }

  /** Tries until it is done, with pauses, while the map may be changing. */
  async #persist(slot: number, once: () => Promise<true | string>): Promise<void> {
    const { timing, view, deadlineMs } = this.#options;
    const until = timing.now() + (deadlineMs ?? 5000);
    for (let tries = 0; ; tries++) {
      const before = view.entry(slot);
      const result = await once();
      if (result === true) return;
      // A joiner that has not pulled yet need not be waited for: whoever needs it can bring it up to date.
      const entry = view.entry(slot);
      if (entry.joining.length > 0 && (await pullHeads(this.#context, [{ slot, entry }])).size > 0 && tries < mostHelp) continue;
      if (timing.now() >= until) throw new ForeshardError('quorum_missing', result, { hint: 'more than one owner of the slot is away; foreshard nodes shows who' });
      this.#counts.retries += 1;
      // A newer entry that an owner told is used at once; else the coordinator may know one.
      if (compareEntries(view.entry(slot), before) > 0 && tries % 4 !== 3) continue;
      await view.refresh();
      await sleep(timing, pauseMs * (1 + timing.random()) * Math.min(10, tries + 1));
    }
  }

  async #readSlot(slot: number, keys: readonly StateKey[], found: Map<StateKey, HeadState>): Promise<true | string> {
    const { view } = this.#options;
    const entry = view.entry(slot);
    if (entry.own.length === 0) return `slot ${slot} has no owner`;
    const needed = keys.reduce((most, key) => Math.max(most, this.#rules.readQuorum(entry.own.length, this.#consistencyOf(key))), 0);
    const answers = new Map<string, RegisterAnswer>();
    const asked = entry.own.map(async (name) => {
      const reply = await view.apply(name, [{ op: 'read', slot, entry, keys }]);
      if (typeof reply === 'string') return false;
      const answer = reply[0] as RegisterAnswer;
      if (answer.status === 'stale') view.learn(slot, answer.entry);
      answers.set(name, answer);
      return this.#rules.counts(answer);
    });
    if (!(await atLeast(needed, asked))) return `${needed} of the owners of slot ${slot} (${entry.own.join(', ')}; epoch ${entry.epoch}) were asked to read heads, and too few answered`;
    const merged = this.#merge(keys, [...answers.values()].filter((answer) => this.#rules.counts(answer)));
    for (const [key, head] of merged) found.set(key, head);
    void Promise.all(asked).then(() => this.#repair(slot, entry, keys, answers)).catch(() => {});
    return true;
  }

  #merge(keys: readonly StateKey[], answers: readonly RegisterAnswer[]): Map<StateKey, HeadState> {
    const merged = new Map<StateKey, HeadState>(keys.map((key) => [key, noHead]));
    for (const answer of answers) {
      for (const { key, head } of headsOf(answer)) merged.set(key, mergeHeads(merged.get(key) ?? noHead, decodeHead(head), this.#options.order));
    }
    for (const [key, head] of merged) if (head !== noHead && head.values.length > 0) this.#known.set(key, encodeHead(head));
    return merged;
  }

  /** Read repair: owners that lack what others have get it. */
  async #repair(slot: number, entry: SlotEntry, keys: readonly StateKey[], answers: ReadonlyMap<string, RegisterAnswer>): Promise<void> {
    const merged = this.#merge(keys, [...answers.values()]);
    await Promise.all([...answers].map(async ([name, answer]) => {
      const theirs = new Map(headsOf(answer).map(({ key, head }) => [key, head]));
      const lacking = keys.filter((key) => merged.get(key)?.values.length !== 0 && theirs.has(key) && theirs.get(key) !== encodeHead(merged.get(key) as HeadState));
      if (lacking.length === 0) return;
      this.#counts.repairs += lacking.length;
      await mergeInto(this.#context, name, [{ slot, entry, heads: new Map(lacking.map((key) => [key, merged.get(key) as HeadState])) }], theirs);
    }));
  }

  async #writeOnce(slot: number, write: HeadWrite, at: number): Promise<true | string> {
    const { view, order, name } = this.#options;
    const entry = view.entry(slot);
    const needed = this.#rules.writeQuorum(entry.own.length, this.#consistencyOf(write.key));
    const value = { id: write.id, at, revision: write.revision, hash: write.hash };
    if (order === 'last-writer-wins') {
      return this.#spread({ slot, entry, key: write.key, needed, head: putHead(noHead, value, {}, name, order), done: undefined });
    }
    for (const owner of entry.own) {
      const put = await this.#putAt(owner, slot, entry, write, value);
      if (put === 'stale') return `slot ${slot} has other owners than known`;
      if (put !== undefined) return this.#spread({ slot, entry, key: write.key, needed, ...put });
    }
    return `no owner of slot ${slot} (${entry.own.join(', ')}; epoch ${entry.epoch}) took a write`;
  }

  /** Makes the dot of a write at one owner. */
  async #putAt(owner: string, slot: number, entry: SlotEntry, write: HeadWrite, value: Omit<HeadValue, 'actor' | 'dot'>): Promise<{ head: HeadState; done: { owner: string; answer: RegisterAnswer } } | 'stale' | undefined> {
    const { view, order } = this.#options;
    let expected: string | null = this.#known.get(write.key) ?? null;
    for (let tries = 0; tries < 16; tries++) {
      const head = putHead(decodeHead(expected), value, write.context ?? {}, this.#rules.actorOf(owner), order);
      const next = encodeHead(head);
      const reply = await view.apply(owner, [{ op: 'swap', slot, entry, swaps: [{ key: write.key, expected, next }] }]);
      if (typeof reply === 'string') return undefined;
      const answer = reply[0] as RegisterAnswer;
      if (answer.status === 'stale') {
        view.learn(slot, answer.entry);
        return 'stale';
      }
      if (answer.status === 'ok') {
        this.#known.set(write.key, next);
        return { head, done: { owner, answer } };
      }
      expected = headsOf(answer)[0]?.head ?? null;
    }
    return undefined;
  }

  /** Gives a head to all owners; true once so many have it. The rest goes on in the background, and who was silent gets a hint. */
  async #spread(task: { slot: number; entry: SlotEntry; key: StateKey; needed: number; head: HeadState; done: { owner: string; answer: RegisterAnswer } | undefined }): Promise<true | string> {
    const { slot, entry, key, needed, head, done } = task;
    const known = this.#known.get(key);
    const guess = known === undefined ? undefined : new Map([[key, known]]);
    const taken = entry.own.map(async (name) => {
      if (done?.owner === name) return this.#rules.counts(done.answer);
      const [outcome] = await mergeInto(this.#context, name, [{ slot, entry, heads: new Map([[key, head]]) }], guess);
      if (outcome === 'silent') this.#keepHint(name, key, head);
      return outcome !== undefined && outcome !== 'silent' && this.#rules.counts(outcome);
    });
    if (!(await atLeast(needed, taken))) return `${needed} owners of slot ${slot} (${entry.own.join(', ')}; epoch ${entry.epoch}) must have a write, and too few took it`;
    if (this.#options.order === 'last-writer-wins') this.#known.set(key, encodeHead(mergeHeads(decodeHead(known ?? null), head, 'last-writer-wins')));
    return true;
  }

  #keepHint(name: string, key: StateKey, head: HeadState): void {
    if (!this.#rules.hints) return;
    const heads = this.#hints.get(name) ?? new Map<StateKey, HeadState>();
    this.#hints.set(name, heads);
    // Anti-entropy finds what does not fit here.
    if (!heads.has(key) && heads.size >= mostHints) this.#counts.hintsDropped += 1;
    else heads.set(key, mergeHeads(heads.get(key) ?? noHead, head, this.#options.order));
    this.#counts.hintsKept += 1;
  }

  /** What has become newer meanwhile stays. */
  #forgetHints(name: string, sent: ReadonlyMap<StateKey, HeadState>, as: 'hintsDelivered' | 'hintsDropped'): void {
    const heads = this.#hints.get(name);
    for (const [key, head] of sent) {
      if (heads?.get(key) !== head) continue;
      heads.delete(key);
      this.#counts[as] += 1;
    }
    if (heads?.size === 0) this.#hints.delete(name);
  }
}

function headsOf(answer: RegisterAnswer): readonly HeadOf[] {
  return answer.status === 'ok' || answer.status === 'changed' ? answer.heads : [];
}

/** Resolves true as soon as so many have come true, false when too few can. */
function atLeast(needed: number, promises: readonly Promise<boolean>[]): Promise<boolean> {
  return new Promise((resolve, reject) => {
    let [yes, open] = [0, promises.length];
    const look = (): void => {
      if (yes >= needed) resolve(true);
      else if (open === 0) resolve(false);
    };
    look();
    for (const promise of promises) {
      promise.then((value) => {
        open -= 1;
        if (value) yes += 1;
        look();
      }, reject);
    }
  });
}
