import { assert } from '../lib/assert.ts';
import type { StateKey } from './state-key.ts';

/** One value for all state, or by kind of it: `{ default: 2, redis: 3, 'http:catalogue': 1 }`. Names are a kind or kind:scope of state keys; `default` is the rest. */
export type ByKind<T extends string | number> = T | Readonly<Record<string, T>>;

/** What holds for the state whose keys begin with a prefix: `http:`, `redis:1/`; the empty one is the rest. */
export interface KindValue<T> {
  readonly prefix: string;
  readonly value: T;
}

/** A setting by prefix of state keys, the rest always among them. `rest`: what holds where nothing is said. */
export function kindValues<T extends string | number>(setting: ByKind<T>, rest: T): KindValue<T>[] {
  if (typeof setting !== 'object') return [{ prefix: '', value: setting }];
  const named = Object.entries(setting).filter(([kind]) => kind !== 'default').map(([kind, value]) => ({ prefix: prefixOf(kind), value }));
  return [{ prefix: '', value: setting['default'] ?? rest }, ...named];
}

/** What holds for an element: the longest prefix that fits decides. */
export function valueFor<T>(key: StateKey, values: readonly KindValue<T>[]): T {
  let best: KindValue<T> | undefined;
  for (const one of values) if (key.startsWith(one.prefix) && (best === undefined || one.prefix.length > best.prefix.length)) best = one;
  assert(best !== undefined, 'one of the kinds has the empty prefix');
  return best.value;
}

/** In state keys a kind ends with a colon and a scope with a slash. */
function prefixOf(kind: string): string {
  return kind.includes(':') ? `${kind}/` : `${kind}:`;
}
