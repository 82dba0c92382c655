import { contentHash } from '../lib/content-hash.ts';
import { ForeshardError } from '../model/errors.ts';
import type { MemberLink } from './member-link.ts';
import type { ReadLoads } from './read-loads.ts';
import type { ReadRepair } from './read-repair.ts';
import type { RouterTiming } from './router-timing.ts';
import type { MemberLinks, RouterView } from './router-view.ts';
import { oneForAll, setCover } from '../model/set-cover.ts';
import type { HedgeBudget, SlowReads, WatchedRead } from './slow-reads.ts';
import type { RevisionName } from './state-node.ts';
import type { Suspicion } from './suspicion.ts';
import type { TagHashes } from './tag-hashes.ts';

/** A revision that is looked for. */
export interface SoughtRevision extends RevisionName {
  /** The hash of its tag ({@link tagHash}), where the caller has it at hand. */
  readonly tag?: number;
}

/** What searches count. */
export interface SearchCounts {
  nodeReads: number;
  retries: number;
  missing: number;
  failures: number;
  bytes: number;
  hedges: number;
  hedgesWon: number;
  stalls: number;
  late: number;
  corrupt: number;
}

/** What all searches of a router share. */
export interface SearchContext {
  readonly links: MemberLinks;
  readonly loads: ReadLoads;
  readonly suspicion: Suspicion;
  readonly timing: RouterTiming;
  readonly slow: SlowReads;
  /** Undefined: nothing is hedged. */
  readonly hedging: { readonly budget: HedgeBudget; readonly floorMs: number } | undefined;
  readonly stallFloorMs: number;
  readonly hashes: TagHashes;
  readonly repair: ReadRepair | undefined;
  /** Whether bytes are checked where the caller knows their hash. */
  readonly checkHashes: boolean;
  readonly counts: SearchCounts;
  /** The view of the newest map. */
  newest(): RouterView;
}

/** What a {@link RevisionSearch} is made of. */
export interface RevisionSearchOptions {
  readonly context: SearchContext;
  /** The view on which it begins. */
  readonly view: RouterView;
  /** Each once. */
  readonly items: readonly SoughtRevision[];
  /** The hashes of their tags. */
  readonly hashes: readonly number[];
  /** Called once when everything is known. */
  readonly onOver: () => void;
}

type Reason = 'first' | 'retry' | 'hedge';

/** One read of one state node. */
interface NodeRead extends WatchedRead {
  readonly link: MemberLink;
  /** Which items; undefined: all of them. */
  readonly indexes: readonly number[] | undefined;
  readonly reason: Reason;
  readonly isProbe: boolean;
  readonly startedAt: number;
  isHedged: boolean;
  isEnded: boolean;
}

/** What is known of an item that the first answer did not settle. */
interface Attempts {
  /** Places of the links that were asked, that do not hold it, and that failed within a second. */
  readonly asked: number[];
  readonly lacking: number[];
  readonly failedFast: number[];
  /** Answers still awaited. */
  open: number;
  isOver: boolean;
}

/** A connection that was lost fails at once, and the next try makes it anew; what failed more slowly is not tried again. */
const fastFailureMs = 1000;

/**
 * Looks for revisions: first where the map of its beginning says, in as few reads as the set cover makes of them; then item by item among the other
 * replicas, the owners before where a slot is changing, and all of these by the newest map. A read that takes longer than its node usually does is
 * hedged; the first answer counts.
 */
export class RevisionSearch {
  readonly #context: SearchContext;
  readonly #view: RouterView;
  readonly #items: readonly SoughtRevision[];
  readonly #hashes: readonly number[];
  readonly #onOver: () => void;
  /** What was found, by item; empty as long as no read has ended. */
  #found: (Uint8Array | undefined)[] = [];
  readonly #reads: NodeRead[] = [];
  #attempts: Attempts[] | undefined;
  #left: number;
  #isOver = false;
  #resolve: (found: (Uint8Array | undefined)[]) => void = () => {};
  #reject: (error: Error) => void = () => {};

  constructor(options: RevisionSearchOptions) {
    this.#context = options.context;
    this.#view = options.view;
    this.#items = options.items;
    this.#hashes = options.hashes;
    this.#onOver = options.onOver;
    this.#left = options.items.length;
  }

  /** The bytes of each item, in order; undefined: nobody gave it. Rejects with programmer's errors of a state node only. */
  run(): Promise<(Uint8Array | undefined)[]> {
    return new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
      this.#begin();
    });
  }

  #begin(): void {
    const { loads, timing } = this.#context;
    const now = timing.now();
    loads.decay(now);
    const owners: (readonly number[])[] = [];
    for (const hash of this.#hashes) owners.push(this.#willing(this.#view.owners(hash), now));
    const one = oneForAll(owners, loads.relative, loads.mean);
    if (one >= 0) return this.#read(one, undefined, 'first', now);
    this.#ask(this.#items.map((_, index) => index), owners, 'first', now);
  }

  /** Of these members those that are not avoided; where all are, all of them: the only holder is always asked. */
  #willing(members: readonly number[], now: number): readonly number[] {
    const { suspicion } = this.#context;
    if (!suspicion.any) return members;
    const willing = members.filter((place) => !suspicion.isAvoided(place, now));
    return willing.length > 0 ? willing : members;
  }

  /** Asks for items; what nobody owns is looked for elsewhere. */
  #ask(indexes: readonly number[], owners: readonly (readonly number[])[], reason: Reason, now: number): void {
    const { loads } = this.#context;
    const groups = new Map<number, number[]>();
    for (const [at, place] of setCover(owners, loads.relative, loads.mean).entries()) {
      const group = groups.get(place);
      if (group === undefined) groups.set(place, [indexes[at] as number]);
      else group.push(indexes[at] as number);
    }
    for (const [place, group] of groups) if (place >= 0) this.#read(place, group, reason, now);
    const unowned = groups.get(-1);
    if (unowned !== undefined) this.#lookFurther(unowned);
  }

  #read(place: number, indexes: readonly number[] | undefined, reason: Reason, now: number): void {
    const { links, loads, suspicion, slow, counts, hedging, stallFloorMs } = this.#context;
    const link = links.at(place);
    const items = indexes === undefined ? this.#items : indexes.map((index) => this.#items[index] as SoughtRevision);
    const dueAt = now + (hedging === undefined ? link.stallAfterMs(stallFloorMs) : link.hedgeAfterMs(hedging.floorMs));
    const read: NodeRead = {
      link, indexes, reason, isProbe: suspicion.asked(place, now), startedAt: now, isHedged: hedging === undefined, isEnded: false, watchedAt: -1, dueAt,
      onDue: (dueNow) => this.#onDue(read, dueNow),
    };
    this.#reads.push(read);
    if (this.#attempts !== undefined) for (const index of this.#indexesOf(read)) noteAsked(this.#attempts, index, read);
    counts.nodeReads += 1;
    if (reason === 'first') hedging?.budget.earn();
    loads.begin(place, items.length);
    slow.add(read, now);
    const node = link.begin();
    const answer = node instanceof Promise ? node.then((open) => open.read(items)) : node.read(items);
    answer.then((found) => this.#guarded(() => this.#answered(read, found)), (error: unknown) => this.#guarded(() => this.#failed(read, error)));
  }

  /** A programmer's error ends the search that it is in. */
  #guarded(run: () => void): void {
    try {
      run();
    } catch (error) {
      this.#over();
      this.#reject(error as Error);
    }
  }

  #answered(read: NodeRead, found: readonly (Uint8Array | undefined)[]): void {
    const { suspicion, counts, stallFloorMs } = this.#context;
    // What took longer was a failure, not a latency: a node that hung once would else be waited for as long the next time.
    read.link.p95.record(Math.min(stallFloorMs, this.#end(read) - read.startedAt));
    suspicion.cleared(read.link.place);
    if (this.#isOver) {
      counts.late += 1;
      return;
    }
    if (this.#takeAll(read, found)) return this.#settle();
    const lacking: number[] = [];
    const leftBefore = this.#left;
    for (const [at, index] of this.#indexesOf(read).entries()) this.#take(read, index, found[at], lacking);
    if (read.reason === 'hedge' && this.#left < leftBefore) counts.hedgesWon += 1;
    for (const index of lacking) this.#attemptsOf(index).lacking.push(read.link.place);
    if (lacking.length > 0) this.#lookFurther(lacking);
    this.#settle();
  }

  #failed(read: NodeRead, error: unknown): void {
    const { suspicion, counts } = this.#context;
    const now = this.#end(read);
    if (!(error instanceof ForeshardError)) throw error;
    counts.failures += 1;
    if (read.isProbe) suspicion.probeFailed(read.link.place, now);
    else suspicion.failed(read.link.place, now);
    if (this.#isOver) return;
    const open = this.#indexesOf(read).filter((index) => this.#found[index] === undefined);
    if (now - read.startedAt < fastFailureMs) for (const index of open) this.#attemptsOf(index).failedFast.push(read.link.place);
    this.#lookFurther(open);
    this.#settle();
  }

  /** A read has ended, one way or the other; the time by the clock of the router. */
  #end(read: NodeRead): number {
    const { loads, slow, timing } = this.#context;
    slow.remove(read);
    read.link.end();
    loads.end(read.link.place, read.indexes?.length ?? this.#items.length);
    if (this.#attempts !== undefined) for (const index of this.#indexesOf(read)) this.#attemptsOf(index).open -= 1;
    read.isEnded = true;
    return timing.now();
  }

  /** The usual case: one read was enough. */
  #takeAll(read: NodeRead, found: readonly (Uint8Array | undefined)[]): boolean {
    if (read.indexes !== undefined || this.#reads.length > 1 || this.#context.checkHashes || found.length !== this.#items.length) return false;
    let bytes = 0;
    for (const one of found) {
      if (one === undefined) return false;
      bytes += one.length;
    }
    this.#context.counts.bytes += bytes;
    this.#found = found as (Uint8Array | undefined)[];
    this.#left = 0;
    return true;
  }

  /** Takes the answer for one item; notes it where it is still to be found. */
  #take(read: NodeRead, index: number, bytes: Uint8Array | undefined, lacking: number[]): void {
    const { counts, checkHashes } = this.#context;
    const isKnown = this.#found[index] !== undefined;
    const isCorrupt = bytes !== undefined && checkHashes && !isRight(this.#items[index] as SoughtRevision, bytes);
    if (isCorrupt) counts.corrupt += 1;
    if (bytes === undefined || isCorrupt) {
      if (isKnown) this.#repairAt(index, [read.link.place]);
      else lacking.push(index);
    } else if (!isKnown) {
      this.#found[index] = bytes;
      counts.bytes += bytes.length;
      this.#left -= 1;
      if (this.#attempts !== undefined) this.#repairAt(index, this.#attemptsOf(index).lacking);
    }
  }

  /** Writes a found revision where it was found to be lacking, if it belongs there. */
  #repairAt(index: number, lacking: readonly number[]): void {
    const { repair, links } = this.#context;
    if (repair === undefined || lacking.length === 0) return;
    const owners = this.#context.newest().owners(this.#hashes[index] as number);
    for (const place of lacking) if (owners.includes(place)) repair.offer(links.at(place), this.#items[index] as SoughtRevision, this.#found[index] as Uint8Array);
  }

  /** Asks the next candidates for items that nobody is being asked for; those without candidates are missing. */
  #lookFurther(indexes: readonly number[]): void {
    const now = this.#context.timing.now();
    const open = indexes.filter((index) => this.#found[index] === undefined && this.#attemptsOf(index).open === 0);
    const candidates = open.map((index) => this.#willing(this.#candidates(index), now));
    const more: number[] = [];
    for (const [at, index] of open.entries()) {
      if ((candidates[at] as readonly number[]).length > 0) more.push(index);
      else this.#give(index);
    }
    this.#context.counts.retries += more.length;
    if (more.length > 0) this.#ask(more, candidates.filter((places) => places.length > 0), 'retry', now);
    this.#settle();
  }

  /** Who may hold an item and was not asked: owners, then owners before, then both by the newest map; last of all those that failed at once, a second time. */
  #candidates(index: number): readonly number[] {
    const hash = this.#hashes[index] as number;
    const attempts = this.#attemptsOf(index);
    for (const view of [this.#view, this.#context.newest()]) {
      for (const places of [view.owners(hash), view.ownersBefore(hash)]) {
        const fresh = places.filter((place) => !attempts.asked.includes(place));
        if (fresh.length > 0) return fresh;
      }
    }
    return attempts.failedFast.splice(0).filter((place) => count(attempts.asked, place) < 2);
  }

  /** Nobody gave this item. */
  #give(index: number): void {
    const attempts = this.#attemptsOf(index);
    if (attempts.isOver) return;
    attempts.isOver = true;
    this.#found[index] = undefined; // no hole: callers map over what they get
    this.#context.counts.missing += 1;
    this.#left -= 1;
  }

  /** A read takes long: first it is hedged, then its node counts as failed. */
  #onDue(read: NodeRead, now: number): number {
    const { suspicion, counts, stallFloorMs } = this.#context;
    if (!read.isHedged) {
      read.isHedged = true;
      if (!this.#isOver) this.#hedge(read, true, now);
      return read.startedAt + read.link.stallAfterMs(stallFloorMs);
    }
    counts.stalls += 1;
    if (read.isProbe) suspicion.probeFailed(read.link.place, now);
    else suspicion.failed(read.link.place, now);
    if (!this.#isOver) this.#hedge(read, false, now);
    return Infinity;
  }

  /** Asks others for what a read has not given yet. */
  #hedge(read: NodeRead, isExtra: boolean, now: number): void {
    const { hedging, counts } = this.#context;
    const indexes = this.#indexesOf(read).filter((index) => this.#found[index] === undefined && this.#attemptsOf(index).open === 1);
    const owners = indexes.map((index) => this.#fresh(index, now));
    const asked = indexes.filter((_, at) => (owners[at] as readonly number[]).length > 0);
    if (asked.length === 0 || (isExtra && hedging?.budget.take() !== true)) return;
    counts.hedges += isExtra ? 1 : 0;
    this.#ask(asked, owners.filter((places) => places.length > 0), 'hedge', now);
  }

  /** Owners of an item that were not asked and are not avoided. */
  #fresh(index: number, now: number): readonly number[] {
    const { asked } = this.#attemptsOf(index);
    return this.#view.owners(this.#hashes[index] as number).filter((place) => !asked.includes(place) && !this.#context.suspicion.isAvoided(place, now));
  }

  #indexesOf(read: NodeRead): readonly number[] {
    return read.indexes ?? this.#items.map((_, index) => index);
  }

  #attemptsOf(index: number): Attempts {
    this.#attempts ??= this.#startAttempts();
    return this.#attempts[index] as Attempts;
  }

  /** From here on attempts are kept by item; as long as first answers settle everything, nobody needs them. */
  #startAttempts(): Attempts[] {
    const attempts = this.#items.map((): Attempts => ({ asked: [], lacking: [], failedFast: [], open: 0, isOver: false }));
    for (const read of this.#reads) for (const index of this.#indexesOf(read)) noteAsked(attempts, index, read);
    return attempts;
  }

  #settle(): void {
    if (this.#left > 0 || this.#isOver) return;
    this.#over();
    this.#resolve(this.#found);
  }

  #over(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#onOver();
  }
}

function noteAsked(attempts: readonly Attempts[], index: number, read: NodeRead): void {
  const item = attempts[index] as Attempts;
  item.asked.push(read.link.place);
  if (!read.isEnded) item.open += 1;
}

function isRight(item: SoughtRevision, bytes: Uint8Array): boolean {
  return item.hash === undefined || contentHash(bytes) === item.hash;
}

function count(places: readonly number[], wanted: number): number {
  return places.filter((place) => place === wanted).length;
}
