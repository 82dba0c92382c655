import type { StateKey } from '../model/state-key.ts';
import type { StateRouter } from './router.ts';

/** What reads and writes revisions where a map says they are: one router, or one for each part of the state. */
export type RevisionRouter = Pick<StateRouter, 'fetch' | 'publish' | 'close'>;

/** A part of the state and who knows where it is. */
export interface RoutedPart {
  readonly has: (key: StateKey) => boolean;
  readonly router: RevisionRouter;
}

/** Routes state that several maps place: every element belongs to one of the parts. */
export class KindRouter implements RevisionRouter {
  readonly #parts: readonly RoutedPart[];

  constructor(parts: readonly RoutedPart[]) {
    this.#parts = parts;
  }

  /** As {@link StateRouter.fetch}, from all parts at once. */
  async fetch(items: Parameters<RevisionRouter['fetch']>[0]): Promise<(Uint8Array | undefined)[]> {
    const found: (Uint8Array | undefined)[] = Array.from({ length: items.length });
    await Promise.all(this.#parts.map(async ({ has, router }) => {
      const places = [...items.keys()].filter((place) => has(items[place]?.key as StateKey));
      if (places.length === 0) return;
      const theirs = await router.fetch(places.map((place) => items[place] as (typeof items)[number]));
      for (const [index, place] of places.entries()) found[place] = theirs[index];
    }));
    return found;
  }

  /** As {@link StateRouter.publish}, to all parts at once. */
  async publish(...[items, options]: Parameters<RevisionRouter['publish']>): Promise<void> {
    await Promise.all(this.#parts.map(async ({ has, router }) => {
      const theirs = items.filter(({ key }) => has(key));
      if (theirs.length > 0) await router.publish(theirs, options);
    }));
  }

  async close(): Promise<void> {
    await Promise.all(this.#parts.map(({ router }) => router.close()));
  }
}
