import { printable, utf8ByteString, type ByteString } from '../lib/bytes.ts';
import { ForeshardError } from '../model/errors.ts';

/** The format of what a state node keeps in Redis; 1 had a value for each revision and no registers. */
export const redisFormat = '2';

/** Names of keys in a namespace, `fs:<namespace>:…`. */
export class RedisLayout {
  /** What every key begins with. */
  readonly prefix: ByteString;
  /** Hash: `format`, `life`, `run` (of the server), `lost`, and `r:<slot>` for each register there must be. */
  readonly node: ByteString;
  /** Hash: content hash → revisions that have this payload; `elements`, `bytes`. */
  readonly uses: ByteString;
  /** Set of slots that hold revisions. */
  readonly slots: ByteString;
  readonly #payloads: ByteString;

  constructor(namespace: string) {
    this.prefix = `fs:${utf8ByteString(namespace)}:`;
    this.node = `${this.prefix}node`;
    this.uses = `${this.prefix}uses`;
    this.slots = `${this.prefix}slots`;
    this.#payloads = `${this.prefix}p:`;
  }

  /** A payload, by its hash. */
  payload(hash: string): ByteString {
    return this.#payloads + hash;
  }

  /** Hash: `<revision> <key>` → content hash and size of the revisions of a slot. */
  slot(slot: number | string): ByteString {
    return `${this.prefix}s:${slot}`;
  }

  /** Hash: `s` the state of a slot's register, `h<key>` a head. A register belongs to one life: in the next it is not found. */
  register(life: string, slot: number | string): ByteString {
    return `${this.prefix}r:${life}:${slot}`;
  }

  /** A pattern for SCAN that finds the whole namespace. */
  get pattern(): ByteString {
    return `${this.prefix.replace(/[\\*?[\]^]/g, '\\$&')}*`;
  }

  /** What begins with `c:` is the coordinator's. @throws ForeshardError `namespace_foreign` at a key that no state node of this format has written */
  refuseForeign(nodeId: string, keys: readonly ByteString[]): void {
    for (const key of keys) {
      const rest = key.slice(this.prefix.length);
      if (/^(?:node|uses|slots|p:[0-9a-f]{64}|s:\d{1,5}|r:[0-9a-z]+:\d{1,5}|c:.*)$/s.test(rest)) continue;
      throw this.foreign(nodeId, key, /^v:\d+ /.test(rest) ? 'is of format 1 of state nodes' : 'is not of a state node');
    }
  }

  /** The error for a key that does not belong here. */
  foreign(nodeId: string, key: ByteString, what: string): ForeshardError {
    return new ForeshardError('namespace_foreign', `State node ${nodeId}: the key ${printable(key)} ${what}.`, {
      hint: `Use another namespace, or delete the keys that begin with ${printable(this.prefix)} if nothing needs them.`,
    });
  }
}
