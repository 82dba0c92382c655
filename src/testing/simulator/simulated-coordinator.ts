import type { ShardMap } from '../../model/shard-map.ts';
import type { Coordinator, Published } from '../../state-nodes/coordinator.ts';
import type { MapCodec } from '../../state-nodes/map-codec.ts';
import type { LossyNetwork } from './lossy-network.ts';
import type { VirtualTime } from './virtual-time.ts';

interface Kept {
  readonly published: Published | undefined;
  readonly token: number;
  readonly holder: string;
  readonly until: number;
}

/** A coordinator that can be cut off, and that can wake up with an older memory. Maps travel as numbers of objects: encoding is not what is simulated. */
export class SimulatedCoordinator {
  readonly #time: VirtualTime;
  readonly #maps: ShardMap[] = [];
  readonly #history: Kept[] = [{ published: undefined, token: 0, holder: '', until: 0 }];
  #issued = 0;

  constructor(time: VirtualTime) {
    this.#time = time;
  }

  readonly codec: MapCodec = {
    encode: (map) => String(this.#maps.push(map) - 1), decode: (text) => this.#maps[Number(text)] as ShardMap, diff: () => undefined, apply: (map) => map,
  };

  /** The map that is published now. */
  get map(): ShardMap | undefined {
    const { published } = this.#kept;
    return published === undefined ? undefined : this.codec.decode(published.map);
  }

  /** Forgets the last changes, so many of them; returns whether a map was lost. */
  rollBack(changes: number): boolean {
    const before = this.#kept.published?.revision;
    this.#history.length = Math.max(1, this.#history.length - changes);
    return before !== this.#kept.published?.revision;
  }

  /** The port as a client sees it over the network. */
  for(name: string, network: LossyNetwork): Coordinator {
    const call = <T>(run: () => T): Promise<T> => network.call(name, 'coordinator', async () => run());
    return {
      get: () => call(() => this.#kept.published),
      compareAndSet: (revision, next, token) => call(() => this.#compareAndSet(revision, next.map, token)),
      since: () => call(() => this.#kept.published),
      watch: () => () => {},
      lease: (holder, durationMs) => call(() => this.#lease(holder, durationMs)),
      release: async () => {},
      report: async () => {},
      takeReports: async () => [],
      close: async () => {},
    };
  }

  get #kept(): Kept {
    return this.#history.at(-1) as Kept;
  }

  #compareAndSet(revision: number, map: string, token: number): number | undefined {
    const kept = this.#kept;
    if ((kept.published?.revision ?? 0) !== revision || token < kept.token) return undefined;
    const next = this.#next();
    this.#history.push({ ...kept, published: { revision: next, map }, token });
    return next;
  }

  /** Like the real ones: at least its microseconds, so that nothing is given twice whatever is forgotten. */
  #next(): number {
    this.#issued = Math.max(this.#issued + 1, Math.floor(this.#time.now * 1000));
    return this.#issued;
  }

  #lease(holder: string, durationMs: number): number | undefined {
    const kept = this.#kept;
    const now = this.#time.now;
    if (kept.holder !== holder && kept.until > now) return undefined;
    const token = kept.holder === holder && kept.until > now ? kept.token : this.#next();
    this.#history[this.#history.length - 1] = { ...kept, holder, token, until: now + durationMs };
    return token;
  }
}
