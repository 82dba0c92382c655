import { byteString } from '../lib/bytes.ts';
import { slotOf } from '../model/directory.ts';
import { casesOf, revisionOf, textOf, type CaseExceptions, type CaseRunner, type EngineUnderTest } from './state-node-case-kit.ts';
import { payloadCases } from './state-node-payload-cases.ts';
import { registerCases } from './state-node-register-cases.ts';

export { revisionOf, type CaseExceptions, type CaseRunner, type CaseTopic, type EngineUnderTest } from './state-node-case-kit.ts';

/** What every engine of a state node must do: revisions, payloads, registers of slots, lives. `exceptions`: what this one does not, with the reason. */
export function stateNodeCases(engine: EngineUnderTest, runner: CaseRunner, exceptions: CaseExceptions = {}): void {
  revisionCases(engine, runner, exceptions);
  contentCases(engine, runner, exceptions);
  countCases(engine, runner, exceptions);
  payloadCases(engine, runner, exceptions);
  registerCases(engine, runner, exceptions);
}

function revisionCases(engine: EngineUnderTest, runner: CaseRunner, exceptions: CaseExceptions): void {
  const declare = casesOf('revisions', engine, runner, exceptions);

  declare('gives back what was written, in the order asked for', async (node) => {
    const items = ['one', 'two', 'three'].map((word, index) => revisionOf(`redis:0/k:${index}`, index + 1, Buffer.from(word)));
    await node.write(items);
    runner.equal(textOf(await node.read([...items].reverse())), ['three', 'two', 'one']);
  });

  declare('keeps every byte of keys and values, and empty values', async (node) => {
    const every = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
    const items = [revisionOf(`redis:0/${byteString(every)}`, 1, every), revisionOf('redis:0/empty', 1, Buffer.alloc(0)), revisionOf('redis:0/', 7, Buffer.from('x'))];
    await node.write(items);
    runner.equal(textOf(await node.read(items)), [byteString(every), '', 'x']);
  });

  declare('keeps revisions of one element apart', async (node) => {
    await node.write([1, 2, 12].map((revision) => revisionOf('redis:0/a', revision, Buffer.from(`r${revision}`))));
    runner.equal(textOf(await node.read([12, 3, 1].map((revision) => ({ key: 'redis:0/a', revision })))), ['r12', undefined, 'r1']);
  });

  declare('says undefined for what it does not hold', async (node) => {
    runner.equal(await node.read([{ key: 'redis:0/none', revision: 1 }]), [undefined]);
    runner.equal(await node.read([]), []);
    runner.equal(await node.digest([0, 65_535]), ['0'.repeat(16), '0'.repeat(16)]);
  });

  declare('never changes a revision', async (node) => {
    await node.write([revisionOf('redis:0/a', 1, Buffer.from('first'))]);
    const before = await node.digest([slotOf('redis:0/a')]);
    await node.write([revisionOf('redis:0/a', 1, Buffer.from('other'))]);
    runner.equal(textOf(await node.read([{ key: 'redis:0/a', revision: 1 }])), ['first']);
    runner.equal(await node.digest([slotOf('redis:0/a')]), before);
  });

  declare('forgets what is dropped, and only that', async (node) => {
    const same = Buffer.from('the same bytes');
    await node.write([revisionOf('redis:0/a', 1, same), revisionOf('redis:0/b', 1, same)]);
    await node.drop([{ key: 'redis:0/a', revision: 1 }, { key: 'redis:0/never', revision: 1 }]);
    runner.equal(textOf(await node.read([{ key: 'redis:0/a', revision: 1 }, { key: 'redis:0/b', revision: 1 }])), [undefined, 'the same bytes']);
  });
}

function contentCases(engine: EngineUnderTest, runner: CaseRunner, exceptions: CaseExceptions): void {
  const declare = casesOf('revisions', engine, runner, exceptions);

  declare('digests a slot by its contents, not by the order of writing', async (node) => {
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

  declare('takes many at once, and large ones', async (node) => {
    const items = Array.from({ length: 1700 }, (_, index) => revisionOf(`redis:0/many:${index}`, 1, Buffer.from(`value ${index}`)));
    const large = revisionOf('redis:0/large', 1, Buffer.alloc(8 * 1024 * 1024, 0xfe));
    await node.write([...items, large]);
    const found = await node.read([...items, large]);
    runner.equal(textOf(found.slice(0, -1)), items.map((_, index) => `value ${index}`));
    runner.equal(Buffer.from(found.at(-1) ?? []).equals(large.bytes), true);
  });

  declare('answers reads that are on their way together', async (node) => {
    const items = Array.from({ length: 50 }, (_, index) => revisionOf(`redis:0/k:${index}`, 1, Buffer.from(String(index))));
    await node.write(items);
    const found = await Promise.all(items.map((item) => node.read([item])));
    runner.equal(found.map((bytes) => textOf(bytes)[0]), items.map((_, index) => String(index)));
  });
}

function countCases(engine: EngineUnderTest, runner: CaseRunner, exceptions: CaseExceptions): void {
  const declare = casesOf('revisions', engine, runner, exceptions);

  declare('counts', async (node) => {
    await node.write([revisionOf('redis:0/a', 1, Buffer.from('abc')), revisionOf('redis:0/b', 1, Buffer.from('de'))]);
    await node.read([{ key: 'redis:0/a', revision: 1 }, { key: 'redis:0/x', revision: 1 }]);
    const { elements, bytes, reads, hits, writes, errors, readP50Ms } = await node.stats();
    runner.equal({ elements, bytes, reads, hits, writes, errors }, { elements: 2, bytes: 5, reads: 2, hits: 1, writes: 2, errors: 0 });
    runner.equal(readP50Ms > 0, true);
  });

  declare('counts every kind of operation, with its items', async (node) => {
    const item = revisionOf('redis:0/a', 1, Buffer.from('abc'));
    await node.write([item]);
    await node.read([item, item]);
    await node.list(slotOf(item.key));
    await node.digest([1, 2, 3]);
    await node.apply(await node.life(), [{ op: 'read', slot: 1, keys: [], entry: { incarnation: 0, epoch: 1, own: [], old: [], joining: [], pull: 0 } }]);
    await node.drop([item]);
    const { operations } = await node.stats();
    const counted = Object.entries(operations).map(([name, { count, items, errors }]) => [name, count, items, errors] as const);
    runner.equal(counted.sort(([a], [b]) => (a < b ? -1 : 1)), [
      ['apply', 1, 1, 0], ['digest', 1, 3, 0], ['drop', 1, 1, 0], ['list', 1, 1, 0], ['read', 1, 2, 0], ['write', 1, 1, 0],
    ]);
    runner.equal(Object.values(operations).every(({ count, buckets, sumMs }) => buckets.at(-1)?.[1] === count && sumMs > 0), true);
  });

  declare('lists what it holds of a slot', async (node) => {
    const items = ['a', 'b'].map((word, index) => revisionOf(`redis:0/{tag}:${word}\u00ff \n`, index + 1, Buffer.from(word.repeat(index + 3))));
    await node.write([...items, revisionOf('redis:0/elsewhere', 1, Buffer.from('x'))]);
    const listed = async (): Promise<unknown[]> => (await node.list(slotOf('redis:0/{tag}:'))).sort((a, b) => a.revision - b.revision);
    const expected = items.map(({ key, revision, hash, bytes }) => ({ key, revision, hash, sizeBytes: bytes.length }));
    runner.equal(await listed(), expected);
    await node.drop(items.slice(0, 1));
    runner.equal(await listed(), expected.slice(1));
    runner.equal(await node.list(slotOf('redis:0/never')), []);
  });
}
