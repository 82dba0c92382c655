import { contentHash } from '../lib/content-hash.ts';
import { printable } from '../lib/bytes.ts';
import { ForeshardError } from '../model/errors.ts';

/** The format of what a state node keeps in memcached. */
export const memcachedFormat = 1;

/** A namespace longer than this, or with bytes that memcached does not take in a key, is named by its hash: keys have 250 bytes at most. */
const maxNamespaceLength = 100;

/** Names of items in a namespace: `fs:<namespace>:…`. No part of a state key is ever in one. */
export class MemcachedLayout {
  readonly prefix: string;
  /** JSON line with the format and the life, then a bit for each slot whose register there must be. */
  readonly life: string;
  /** A bit for each slot that ever held revisions. */
  readonly slots: string;
  /** Counters. */
  readonly elements: string;
  readonly bytes: string;

  constructor(namespace: string) {
    this.prefix = `fs:${isPlain(namespace) ? namespace : `#${contentHash(Buffer.from(namespace))}`}:`;
    this.life = `${this.prefix}life`;
    this.slots = `${this.prefix}slots`;
    this.elements = `${this.prefix}elements`;
    this.bytes = `${this.prefix}bytes`;
  }

  /** A chunk of a payload; the flags of the first one say how many there are. */
  chunk(hash: string, index: number): string {
    return index === 0 ? `${this.prefix}p:${hash}` : `${this.prefix}p:${hash}:${index}`;
  }

  /** JSON: how many revisions have a payload. */
  uses(hash: string): string {
    return `${this.prefix}u:${hash}`;
  }

  /** JSON: the revisions of a slot. */
  index(slot: number): string {
    return `${this.prefix}i:${slot}`;
  }

  /** JSON: the register of a slot, in one life. */
  register(slot: number): string {
    return `${this.prefix}r:${slot}`;
  }

  /** What an item of ours holds, as JSON. @throws ForeshardError `namespace_foreign` when it is not ours */
  decode(nodeId: string, key: string, bytes: Buffer): { readonly [field: string]: unknown } {
    let found: unknown;
    try {
      found = JSON.parse(bytes.toString('utf8'));
    } catch {
      throw this.foreign(nodeId, key, 'is not of a state node');
    }
    const format = typeof found === 'object' && found !== null && 'format' in found ? found.format : undefined;
    if (format === memcachedFormat) return found as { readonly [field: string]: unknown };
    throw this.foreign(nodeId, key, format === undefined ? 'is not of a state node' : `is of format ${String(format)} of state nodes; this release writes ${memcachedFormat}`);
  }

  /** The error for an item that does not belong here. */
  foreign(nodeId: string, key: string, what: string): ForeshardError {
    return new ForeshardError('namespace_foreign', `State node ${nodeId}: the item ${printable(key)} ${what}.`, { hint: 'Use another namespace, or delete the item if nothing needs it.' });
  }
}

function isPlain(namespace: string): boolean {
  return namespace.length <= maxNamespaceLength && /^[\x21-\x7e]*$/.test(namespace) && !namespace.startsWith('#');
}
