/*
 * Elements of one kind (`redis:0/cart:*`) behave alike in two ways: the same routes reach them, and new ones come at the same pace. Kept for each group, recent windows counting
 * more: which routes its accesses come from, and what share of them goes to elements that were never seen before.
 */

import type { StateKey } from '../../model/state-key.ts';
import { keyGroup } from './key-group.ts';

const decayPerWindow = 0.5 ** (1 / 16);
const mostGroups = 20_000;

/** The group of all that came after there was no room for more. */
export const otherGroups = '(others)';

interface Group {
  readonly name: string;
  window: number;
  accesses: number;
  fresh: number;
  readonly routes: Map<string | null, number>;
}

/** How a group is reached. */
export interface GroupShares {
  /** Share of its accesses by route; null: no route is known for them. */
  readonly routes: readonly { readonly route: string | null; readonly share: number }[];
  /** Share of its accesses that went to elements never seen before. */
  readonly unseen: number;
}

/** What is known of groups of elements, and of which group each element is. */
export class GroupTable {
  readonly #groups: Group[] = [];
  readonly #numbers = new Map<string, number>();
  #groupOf: Int32Array = new Int32Array(1024).fill(-1);

  /** An access to an element by its number. */
  access(element: number, key: StateKey, { route, isNew, window }: { readonly route: string | null; readonly isNew: boolean; readonly window: number }): void {
    const group = this.#groups[isNew ? this.#assign(element, keyGroup(key)) : this.#groupOf[element] as number] as Group;
    if (group.window < window) age(group, window);
    group.accesses++;
    if (isNew) group.fresh++;
    group.routes.set(route, (group.routes.get(route) ?? 0) + 1);
  }

  /** The group of an element that was accessed. */
  groupOf(element: number): string {
    return (this.#groups[this.#groupOf[element] as number] as Group).name;
  }

  /** The group's shares; undefined where it is not known. */
  shares(name: string): GroupShares | undefined {
    const group = this.#groups[this.#numbers.get(name) ?? -1];
    if (group === undefined) return undefined;
    const routes = [...group.routes].map(([route, count]) => ({ route, share: count / group.accesses }));
    return { routes: routes.sort((a, b) => b.share - a.share), unseen: group.fresh / group.accesses };
  }

  /** All groups, those accessed most lately first. */
  names(window: number): string[] {
    for (const group of this.#groups) if (group.window < window) age(group, window);
    return [...this.#groups].sort((a, b) => b.accesses - a.accesses).map(({ name }) => name);
  }

  #assign(element: number, name: string): number {
    if (element >= this.#groupOf.length) {
      const larger = new Int32Array(Math.max(element + 1, this.#groupOf.length * 2)).fill(-1);
      larger.set(this.#groupOf);
      this.#groupOf = larger;
    }
    const kept = this.#numbers.has(name) || this.#groups.length < mostGroups ? name : otherGroups;
    let number = this.#numbers.get(kept);
    if (number === undefined) {
      number = this.#groups.push({ name: kept, window: 0, accesses: 0, fresh: 0, routes: new Map() }) - 1;
      this.#numbers.set(kept, number);
    }
    this.#groupOf[element] = number;
    return number;
  }
}

function age(group: Group, window: number): void {
  const factor = decayPerWindow ** (window - group.window);
  group.window = window;
  group.accesses *= factor;
  group.fresh *= factor;
  for (const [route, count] of group.routes) {
    const left = count * factor;
    if (left < 1e-3) group.routes.delete(route);
    else group.routes.set(route, left);
  }
}
