import type { RequestRecord } from '../model/recording.ts';
import type { StateKey } from '../model/state-key.ts';
import { CoAccessModel } from './elements/co-access.ts';

/** Neighbours given at most, and the least share of an element's accesses they must have come close to. */
const mostNeighbours = 8;
const leastShare = 0.2;

/** Which elements recorded requests touch together: what a case will want next that reads one it was not expected to read. */
export class NeighbourModel {
  readonly #model = new CoAccessModel();
  readonly #numbers = new Map<StateKey, number>();
  readonly #keys: StateKey[] = [];

  constructor(requests: Iterable<Pick<RequestRecord, 'touches'>>) {
    for (const { touches } of requests) {
      const trail: number[] = [];
      for (const { key } of touches) {
        const number = this.#numberOf(key);
        this.#model.observe(trail, number);
        trail.push(number);
      }
    }
  }

  /** The elements likeliest to be accessed with this one, the likeliest first; at most 8. */
  of(key: StateKey): readonly StateKey[] {
    const number = this.#numbers.get(key);
    if (number === undefined) return [];
    return this.#model.neighbours(number, mostNeighbours).filter(({ share }) => share >= leastShare).map((one) => this.#keys[one.number] as StateKey);
  }

  #numberOf(key: StateKey): number {
    const known = this.#numbers.get(key);
    if (known !== undefined) return known;
    this.#numbers.set(key, this.#keys.length);
    return this.#keys.push(key) - 1;
  }
}
