import type { ContentHash } from '../lib/content-hash.ts';
import type { MemcachedCommand } from '../gateways/memcached/memcached-client.ts';
import { replyFlag } from '../gateways/memcached/memcached-parser.ts';
import { memcachedFormat, type MemcachedLayout } from './memcached-layout.ts';
import type { MemcachedItem, MemcachedLink } from './memcached-link.ts';

/** How many revisions have a payload, and how large it is. */
interface Uses {
  readonly uses: number;
  readonly sizeBytes: number;
  readonly item: MemcachedItem;
}

/**
 * Payloads in memcached: each once, under its hash, in chunks of one item each, with an item beside it that says how many revisions have it. A writer raises the number first
 * and stores the bytes afterwards, always; who brings it down to nothing deletes only the chunks that were there before. So bytes that somebody counts on are never deleted; a
 * client that stops half-way leaves, at worst, bytes that nobody counts on.
 */
export class MemcachedPayloads {
  readonly #id: string;
  readonly #link: MemcachedLink;
  readonly #layout: MemcachedLayout;

  constructor(id: string, link: MemcachedLink, layout: MemcachedLayout) {
    this.#id = id;
    this.#link = link;
    this.#layout = layout;
  }

  /** The bytes under each hash, as they are there: whoever reads checks them. Undefined: not all of them are. */
  async read(hashes: readonly ContentHash[]): Promise<(Buffer | undefined)[]> {
    const first = await this.#link.get(hashes.map((hash) => this.#layout.chunk(hash, 0)));
    return Promise.all(first.map(async ({ bytes, flags }, index) => {
      if (bytes === undefined || flags <= 1) return bytes;
      const rest = await this.#link.get(this.#chunkNames(hashes[index] as string, flags).slice(1));
      const chunks = [bytes, ...rest.map((item) => item.bytes)];
      return chunks.every((chunk) => chunk !== undefined) ? Buffer.concat(chunks) : undefined;
    }));
  }

  /** Which payloads have all their chunks. */
  async present(hashes: readonly ContentHash[]): Promise<Set<ContentHash>> {
    const unique = [...new Set(hashes)];
    const first = await this.#link.send(unique.map((hash) => ({ line: `mg ${this.#layout.chunk(hash, 0)} f` })));
    const held = await Promise.all(unique.map(async (hash, index) => {
      const reply = first[index];
      if (reply?.status !== 'HD') return false;
      const rest = this.#chunkNames(hash, Number(replyFlag(reply, 'f') ?? 1)).slice(1);
      return (await this.#link.send(rest.map((name) => ({ line: `mg ${name} f` })))).every(({ status }) => status === 'HD');
    }));
    return new Set(unique.filter((_, index) => held[index] === true));
  }

  /** Of these the payloads that no revision has, with their bytes altogether. */
  async freshBytes(payloads: ReadonlyMap<ContentHash, Uint8Array>): Promise<number> {
    const uses = await this.#usesOf([...payloads.keys()]);
    return [...payloads.values()].reduce((sum, bytes, index) => ((uses[index]?.uses ?? 0) > 0 ? sum : sum + bytes.length), 0);
  }

  /** Notes so many more revisions of a payload. */
  async raise(hash: ContentHash, by: number, sizeBytes: number): Promise<void> {
    for (;;) {
      const [before] = await this.#usesOf([hash]);
      if (!await this.#setUses(hash, before, (before?.uses ?? 0) + by, sizeBytes)) continue;
      if ((before?.uses ?? 0) === 0) await this.count(this.#layout.bytes, sizeBytes);
      return;
    }
  }

  /** Notes so many revisions less, and lets the payload go with the last. */
  async lower(hash: ContentHash, by: number): Promise<void> {
    for (;;) {
      const [before] = await this.#usesOf([hash]);
      if (before === undefined) return;
      const names = this.#chunkNames(hash, this.#chunksOf(before.sizeBytes));
      const there = before.uses > by ? [] : await this.#link.send(names.map((name) => ({ line: `mg ${name} c` })));
      if (!await this.#setUses(hash, before, Math.max(0, before.uses - by), before.sizeBytes)) continue;
      if (before.uses > by) return;
      await this.count(this.#layout.bytes, -before.sizeBytes);
      await this.#link.send(there.flatMap((reply, index) => {
        const cas = replyFlag(reply, 'c');
        return cas === undefined ? [] : [{ line: `md ${names[index]} C${cas}` }];
      }));
      const [now] = await this.#usesOf([hash]);
      if (now?.uses === 0) await this.#link.send([{ line: `md ${this.#layout.uses(hash)} C${now.item.cas}` }]);
      return;
    }
  }

  /** The commands that store a payload, its first chunk last: with it the others are there. */
  store(hash: ContentHash, bytes: Uint8Array): MemcachedCommand[] {
    const count = this.#chunksOf(bytes.length);
    return Array.from({ length: count }, (_, index) => {
      const from = index * this.#link.itemBytes;
      return this.#link.store(this.#layout.chunk(hash, index), bytes.subarray(from, from + this.#link.itemBytes), 'always', index === 0 ? count : 0);
    }).reverse();
  }

  /** Deletes payloads whoever has them, with everything about them. */
  async delete(items: readonly { readonly hash: ContentHash; readonly sizeBytes: number }[]): Promise<void> {
    const sizes = new Map(items.map(({ hash, sizeBytes }) => [hash, sizeBytes]));
    const names = [...sizes].flatMap(([hash, sizeBytes]) => [...this.#chunkNames(hash, this.#chunksOf(sizeBytes)), this.#layout.uses(hash)]);
    await this.#link.send(names.map((name) => ({ line: `md ${name}` })));
  }

  /** Adds to a counter; below nothing it does not go. */
  async count(name: string, by: number): Promise<void> {
    if (by === 0) return;
    const ttl = this.#link.expiry;
    const absent = `N${ttl === '' ? '0' : ttl.slice(2)} J${Math.max(0, by)}`;
    await this.#link.send([{ line: `ma ${name} ${absent} D${Math.abs(by)} M${by < 0 ? 'D' : 'I'}${ttl}` }]);
  }

  async #usesOf(hashes: readonly ContentHash[]): Promise<(Uses | undefined)[]> {
    const items = await this.#link.get(hashes.map((hash) => this.#layout.uses(hash)));
    return items.map((item, index) => {
      if (item.bytes === undefined) return undefined;
      const { uses, sizeBytes } = this.#layout.decode(this.#id, this.#layout.uses(hashes[index] as string), item.bytes);
      return { uses: Number(uses), sizeBytes: Number(sizeBytes), item };
    });
  }

  async #setUses(hash: ContentHash, before: Uses | undefined, uses: number, sizeBytes: number): Promise<boolean> {
    const bytes = Buffer.from(JSON.stringify({ format: memcachedFormat, uses, sizeBytes }));
    const [reply] = await this.#link.send([this.#link.store(this.#layout.uses(hash), bytes, before === undefined ? 'absent' : { cas: before.item.cas })]);
    return reply?.status === 'HD';
  }

  #chunksOf(sizeBytes: number): number {
    return Math.max(1, Math.ceil(sizeBytes / this.#link.itemBytes));
  }

  #chunkNames(hash: ContentHash, count: number): string[] {
    return Array.from({ length: count }, (_, index) => this.#layout.chunk(hash, index));
  }
}
