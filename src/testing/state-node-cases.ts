import { byteString } from '../lib/bytes.ts';
import { contentHash } from '../lib/content-hash.ts';
import { slotOf } from '../model/directory.ts';
import type { StateNode, StoredRevision } from '../state-nodes/state-node.ts';

/** What the cases need of a test runner: vitest, jest and node:test have it. */
export interface CaseRunner {
  readonly test: (name: string, run: () => Promise<void>) => void;
  /** Throws unless both are deeply equal. */
  readonly equal: (actual: unknown, expected: unknown) => void;
}

/** A revision of these bytes. */
export function revisionOf(key: string, revision: number, bytes: Uint8Array): StoredRevision {
  return { key, revision, bytes, hash: contentHash(bytes) };
}

/**
 * What every engine of a state node must do.
 * @param open a fresh, empty node; each case closes its own
 */
export function stateNodeCases(open: () => Promise<StateNode>, runner: CaseRunner): void {
  const withNode = (name: string, run: (node: StateNode) => Promise<void>): void => {
    runner.test(name, async () => {
      const node = await open();
      try {
        await run(node);
      } finally {
        await node.close();
      }
    });
  };
  const text = (found: readonly (Uint8Array | undefined)[]): (string | undefined)[] => found.map((bytes) => bytes && byteString(bytes));

  withNode('gives back what was written, in the order asked for', async (node) => {
    const items = ['one', 'two', 'three'].map((word, index) => revisionOf(`redis:0/k:${index}`, index + 1, Buffer.from(word)));
    await node.write(items);
    runner.equal(text(await node.read([...items].reverse())), ['three', 'two', 'one']);
  });

  withNode('keeps every byte of keys and values, and empty values', async (node) => {
    const every = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
    const items = [revisionOf(`redis:0/${byteString(every)}`, 1, every), revisionOf('redis:0/empty', 1, Buffer.alloc(0)), revisionOf('redis:0/', 7, Buffer.from('x'))];
    await node.write(items);
    runner.equal(text(await node.read(items)), [byteString(every), '', 'x']);
  });

  withNode('keeps revisions of one element apart', async (node) => {
    await node.write([1, 2, 12].map((revision) => revisionOf('redis:0/a', revision, Buffer.from(`r${revision}`))));
    runner.equal(text(await node.read([12, 3, 1].map((revision) => ({ key: 'redis:0/a', revision })))), ['r12', undefined, 'r1']);
  });

  withNode('says undefined for what it does not hold', async (node) => {
    runner.equal(await node.read([{ key: 'redis:0/none', revision: 1 }]), [undefined]);
    runner.equal(await node.read([]), []);
    runner.equal(await node.digest([0, 65_535]), ['0'.repeat(16), '0'.repeat(16)]);
  });

  withNode('never changes a revision', async (node) => {
    await node.write([revisionOf('redis:0/a', 1, Buffer.from('first'))]);
    const before = await node.digest([slotOf('redis:0/a')]);
    await node.write([revisionOf('redis:0/a', 1, Buffer.from('other'))]);
    runner.equal(text(await node.read([{ key: 'redis:0/a', revision: 1 }])), ['first']);
    runner.equal(await node.digest([slotOf('redis:0/a')]), before);
  });

  withNode('forgets what is dropped, and only that', async (node) => {
    const same = Buffer.from('the same bytes');
    await node.write([revisionOf('redis:0/a', 1, same), revisionOf('redis:0/b', 1, same)]);
    await node.drop([{ key: 'redis:0/a', revision: 1 }, { key: 'redis:0/never', revision: 1 }]);
    runner.equal(text(await node.read([{ key: 'redis:0/a', revision: 1 }, { key: 'redis:0/b', revision: 1 }])), [undefined, 'the same bytes']);
  });

  withNode('digests a slot by its contents, not by the order of writing', async (node) => {
    const items = ['a', 'b', 'c'].map((word, index) => revisionOf(`redis:0/{tag}:${word}`, index + 1, Buffer.from(word)));
    const slot = slotOf('redis:0/{tag}:a');
    await node.write(items.slice(0, 2));
    const two = await node.digest([slot]);
    await node.write(items.slice(2));
    const three = await node.digest([slot]);
    runner.equal(two[0] === three[0], false);
    await node.drop(items.slice(2));
    runner.equal(await node.digest([slot]), two);
    await node.drop(items);
    runner.equal(await node.digest([slot]), ['0'.repeat(16)]);
    for (const item of [...items].reverse()) await node.write([item]);
    runner.equal(await node.digest([slot]), three);
  });

  withNode('takes many at once, and large ones', async (node) => {
    const items = Array.from({ length: 1700 }, (_, index) => revisionOf(`redis:0/many:${index}`, 1, Buffer.from(`value ${index}`)));
    const large = revisionOf('redis:0/large', 1, Buffer.alloc(8 * 1024 * 1024, 0xfe));
    await node.write([...items, large]);
    const found = await node.read([...items, large]);
    runner.equal(text(found.slice(0, -1)), items.map((_, index) => `value ${index}`));
    runner.equal(Buffer.from(found.at(-1) ?? []).equals(large.bytes), true);
  });

  withNode('answers reads that are on their way together', async (node) => {
    const items = Array.from({ length: 50 }, (_, index) => revisionOf(`redis:0/k:${index}`, 1, Buffer.from(String(index))));
    await node.write(items);
    const found = await Promise.all(items.map((item) => node.read([item])));
    runner.equal(found.map((bytes) => text(bytes)[0]), items.map((_, index) => String(index)));
  });

  withNode('counts', async (node) => {
    await node.write([revisionOf('redis:0/a', 1, Buffer.from('abc')), revisionOf('redis:0/b', 1, Buffer.from('de'))]);
    await node.read([{ key: 'redis:0/a', revision: 1 }, { key: 'redis:0/x', revision: 1 }]);
    const { elements, bytes, reads, hits, writes, errors, readP50Ms } = await node.stats();
    runner.equal({ elements, bytes, reads, hits, writes, errors }, { elements: 2, bytes: 5, reads: 2, hits: 1, writes: 2, errors: 0 });
    runner.equal(readP50Ms > 0, true);
  });
}
