import { LatencyHistogram } from '../lib/latency-histogram.ts';
import { LoadCounters } from '../lib/load-counters.ts';
import type { Prng } from '../lib/prng.ts';
import { ownersOfHash } from '../model/directory.ts';
import type { ShardMap } from '../model/shard-map.ts';
import { replanHotElements } from './flash-plan.ts';
import { HeatTracker } from './heat-tracker.ts';
import type { MapForecast } from './hot-elements.ts';
import type { SimulatedTraffic } from './simulated-traffic.ts';

/*
 * Reads served by a modelled cluster. Each member is one queue with one server, first come first served; times between reads are exponential, service times exponential (M/M/1 where choices are even) or fixed
 * (M/D/1). A queue needs no event list: a read starts when it comes or when the one before is done, whichever is later (Lindley's recursion). Who serves it is what the product
 * decides: the map's owners, the reader's choice by its own counters, hot elements planned again from what is observed. Limits: no network, no writes, one element a read, a map is with every reader as soon as it is made.
 */

/** How reads come and are served. */
export interface ClusterOptions {
  readonly requestsPerSecond: number;
  readonly serviceMs: number;
  readonly service: 'exponential' | 'fixed';
  /** Readers that know nothing of each other. */
  readonly clients: number;
}

/** Reads by member in one window, and how long it lasted. */
export interface SimulatedWindow {
  readonly loads: readonly number[];
  readonly ms: number;
}

/** An interval between two plans of hot elements: so many reads, and no sooner than a map can be made and spread. */
const planReads = 5000;
const planMs = 20;

/** Members and their queues, with a map that changes under way. */
export class SimulatedCluster {
  readonly latencies: LatencyHistogram = new LatencyHistogram();
  readonly windows: SimulatedWindow[] = [];
  readonly #options: ClusterOptions;
  readonly #prng: Prng;
  readonly #freeAt: Float64Array;
  readonly #readers: readonly LoadCounters[];
  readonly #tracker = new HeatTracker();
  readonly #random: () => number;
  #map: ShardMap;
  #forecast: MapForecast;
  #gone: ReadonlySet<number> = new Set();
  #now = 0;
  #plannedAt = 0;
  #stats = { plans: 0, copies: 0, dropped: 0, mostExtra: 0, unreadable: 0 };

  constructor(plan: { readonly map: ShardMap; readonly forecast: MapForecast }, options: ClusterOptions, prng: Prng) {
    const members = plan.map.members.length;
    this.#map = plan.map;
    this.#forecast = plan.forecast;
    this.#options = options;
    this.#prng = prng;
    this.#random = () => prng.next();
    this.#freeAt = new Float64Array(members);
    this.#readers = Array.from({ length: options.clients }, () => new LoadCounters(members));
    this.#noteExtra();
  }

  /** Virtual milliseconds so far. */
  get now(): number {
    return this.#now;
  }

  get map(): ShardMap {
    return this.#map;
  }

  /** Plans of hot elements that changed something, copies they made and dropped, copies beyond the slots' owners at the peak, and reads that no living member had anything of. */
  get stats(): { readonly plans: number; readonly copies: number; readonly dropped: number; readonly mostExtra: number; readonly unreadable: number } {
    return { ...this.#stats };
  }

  /** These members serve nothing any more; readers go to the other owners. */
  fail(members: ReadonlySet<number>): void {
    this.#gone = members;
  }

  /** A new plan. Its members are the first of those there were. */
  use(plan: { readonly map: ShardMap; readonly forecast: MapForecast }): void {
    this.#map = plan.map;
    this.#forecast = plan.forecast;
    this.#noteExtra();
  }

  /** Serves so many reads as one window. */
  serve(traffic: SimulatedTraffic, reads: number): void {
    const { requestsPerSecond, serviceMs, service, clients } = this.#options;
    const loads = Array.from({ length: this.#freeAt.length }, () => 0);
    const gapMs = 1000 / requestsPerSecond;
    const begunAt = this.#now;
    for (let read = 0; read < reads; read++) {
      this.#now += gapMs * exponential(this.#prng);
      const tag = traffic.next();
      const member = this.#choose(this.#readers[Math.floor(this.#prng.next() * clients)] as LoadCounters, tag);
      if (member < 0) continue;
      loads[member] = (loads[member] as number) + 1;
      this.#queue(member, service === 'fixed' ? serviceMs : serviceMs * exponential(this.#prng));
      this.#observe(tag);
    }
    this.windows.push({ loads, ms: this.#now - begunAt });
  }

  #choose(reader: LoadCounters, tag: number): number {
    const owners = ownersOfHash(this.#map, tag);
    const member = reader.choose(this.#gone.size === 0 ? owners : owners.filter((one) => !this.#gone.has(one)), this.#random);
    if (member < 0) this.#stats.unreadable++;
    else reader.add(member);
    return member;
  }

  #queue(member: number, serviceMs: number): void {
    const doneAt = Math.max(this.#now, this.#freeAt[member] as number) + serviceMs;
    this.#freeAt[member] = doneAt;
    this.latencies.record(doneAt - this.#now);
  }

  #observe(tag: number): void {
    this.#tracker.record(tag);
    if (this.#now - this.#plannedAt < planMs || (this.#tracker.accesses < planReads && !this.#tracker.isSurging)) return;
    this.#plannedAt = this.#now;
    for (const reader of this.#readers) reader.decay();
    const { map, moves } = replanHotElements(this.#map, this.#forecast, this.#tracker.observe());
    if (moves.length === 0) return;
    this.#map = map;
    this.#stats.plans++;
    for (const move of moves) {
      this.#stats.copies += move.add.length;
      this.#stats.dropped += move.remove.length;
    }
    this.#noteExtra();
  }

  #noteExtra(): void {
    this.#stats.mostExtra = Math.max(this.#stats.mostExtra, extraCopies(this.#map));
  }
}

/** Copies of hot elements beyond those that their slots' owners hold. */
export function extraCopies(map: ShardMap): number {
  let extra = 0;
  for (const [tag, set] of map.overrides) extra += (map.sets[set]?.length ?? 0) - (map.sets[map.slots[tag >>> 16] ?? 0]?.length ?? 0);
  return extra;
}

function exponential(prng: Prng): number {
  return -Math.log(1 - prng.next());
}
