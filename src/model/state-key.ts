import type { ByteString } from '../lib/bytes.ts';

/**
 * Names one state element: `kind:scope/name`, for example `redis:0/cart:7` or `http:catalogue/GET /product/7`.
 * The name may hold any bytes (one char per byte); kind and scope hold neither `:` nor `/`.
 * The scope of a Redis element is its database number, or `<server>.<database>` for a second, named Redis server.
 */
export type StateKey = string;

/** The three parts of a {@link StateKey}. */
export interface StateKeyParts {
  readonly kind: string;
  readonly scope: string;
  readonly name: ByteString;
}

/** The name of the Redis server that has none in the configuration. */
export const defaultRedisServer = 'redis';

/** The state key of a Redis key in a database of a named server. */
export function redisStateKey(server: string, database: number, name: ByteString): StateKey {
  return server === defaultRedisServer ? `redis:${database}/${name}` : `redis:${server}.${database}/${name}`;
}

/** The state key of what an HTTP dependency answers to a request without a body. */
export function httpStateKey(dependency: string, method: string, target: string): StateKey {
  return `http:${dependency}/${method} ${target}`;
}

/** Splits a state key; undefined when it is not one. */
export function parseStateKey(key: StateKey): StateKeyParts | undefined {
  const colon = key.indexOf(':');
  const slash = key.indexOf('/', colon + 1);
  if (colon <= 0 || slash < 0) return undefined;
  return { kind: key.slice(0, colon), scope: key.slice(colon + 1, slash), name: key.slice(slash + 1) };
}

/** Server, database and name of a Redis state key; undefined for another kind. */
export function parseRedisStateKey(key: StateKey): { server: string; database: number; name: ByteString } | undefined {
  const parts = parseStateKey(key);
  if (parts?.kind !== 'redis') return undefined;
  const dot = parts.scope.lastIndexOf('.');
  const database = Number(parts.scope.slice(dot + 1));
  if (!Number.isInteger(database)) return undefined;
  return { server: dot < 0 ? defaultRedisServer : parts.scope.slice(0, dot), database, name: parts.name };
}
