import { Keyspace } from '../../keyspace/keyspace.ts';
import { entryFromElement } from '../../keyspace/entry.ts';
import type { ByteString } from '../../lib/bytes.ts';
import type { Element } from '../../model/element.ts';
import { KeyspaceServer } from './keyspace-server.ts';

/** One element that an embedded server starts with. */
export interface SeedElement {
  readonly database: number;
  readonly key: ByteString;
  readonly element: Element;
}

/** Settings of an {@link EmbeddedRedis}. */
export interface EmbeddedRedisOptions {
  /** In [0, 1); Math.random unless given. */
  readonly random?: () => number;
  /** Unix milliseconds; Date.now unless given. */
  readonly now?: () => number;
  readonly password?: string;
  readonly databases?: number;
  readonly seed?: Iterable<SeedElement>;
}

/** Longest delay setTimeout takes; a longer one would fire at once. */
const maxDelayMs = 2 ** 31 - 1;

/**
 * A Redis server in this process: the keyspace that serves overlays, standing alone. For `redis: 'embedded'`, where there is no Redis
 * to record from, and for examples and tests. Nothing is kept on disk.
 */
export class EmbeddedRedis {
  readonly keyspace: Keyspace;
  readonly #server: KeyspaceServer;
  #address: { readonly host: string; readonly port: number } | undefined;

  constructor(options: EmbeddedRedisOptions = {}) {
    this.keyspace = new Keyspace({
      now: options.now ?? Date.now,
      random: options.random ?? Math.random,
      after,
      ...(options.databases === undefined ? {} : { databases: options.databases }),
    });
    const target = { keyspace: this.keyspace };
    this.#server = new KeyspaceServer({ route: () => target, ...(options.password === undefined ? {} : { password: options.password }) });
    for (const { database, key, element } of options.seed ?? []) this.keyspace.database(database).put(key, entryFromElement(element));
  }

  /** Listens on 127.0.0.1; port 0 takes a free one. @throws ForeshardError `port_in_use` */
  async start(port = 0): Promise<{ readonly host: string; readonly port: number }> {
    this.#address = await this.#server.listen({ host: '127.0.0.1', port });
    return this.#address;
  }

  /** Where it listens; undefined before {@link start} and after {@link close}. */
  get address(): { readonly host: string; readonly port: number } | undefined {
    return this.#address;
  }

  /** Ends every connection and frees the port. */
  async close(): Promise<void> {
    this.#address = undefined;
    await this.#server.close();
  }
}

function after(ms: number, action: () => void): () => void {
  const timer = setTimeout(action, Math.min(ms, maxDelayMs));
  return () => clearTimeout(timer);
}
