import { contentHash } from '../lib/content-hash.ts';
import { slotOf } from '../model/directory.ts';
import { casesOf, codeOf, revisionOf, textOf, type CaseExceptions, type CaseRunner, type EngineUnderTest } from './state-node-case-kit.ts';

const mebibyte = 1024 * 1024;

/** Bytes that no two places of which are alike, so that a chunk in the wrong place is seen. */
function unlike(length: number): Buffer {
  const words = new Uint32Array(Math.ceil(length / 4));
  let state = 0x9e3779b9;
  for (let index = 0; index < words.length; index++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    words[index] = state;
  }
  return Buffer.from(words.buffer, 0, length);
}

/** What every engine must do with payloads: any size, equal ones once, none that is not what its hash says, and a limit. */
export function payloadCases(engine: EngineUnderTest, runner: CaseRunner, exceptions: CaseExceptions): void {
  sizeCases(engine, runner, exceptions);
  hashCases(engine, runner, exceptions);
  fullCases(engine, runner, exceptions);
}

function sizeCases(engine: EngineUnderTest, runner: CaseRunner, exceptions: CaseExceptions): void {
  const declare = casesOf('payloads', engine, runner, exceptions);

  for (const [name, size] of [['just under 1 MB', mebibyte - 1], ['1 MB', mebibyte], ['just over 1 MB', mebibyte + 1], ['64 MB, the most there may be,', 64 * mebibyte]] as const) {
    declare(`keeps ${name} whole, and lets it go`, async (node) => {
      const item = revisionOf('redis:0/large', 1, unlike(size));
      const small = revisionOf('redis:0/small', 1, Buffer.from('small'));
      await node.write([small, item]);
      for (const asked of [{ key: item.key, revision: 1 }, { key: item.key, revision: 1, hash: item.hash }]) {
        const [large, other] = await node.read([asked, small]);
        runner.equal(Buffer.from(large ?? []).equals(item.bytes), true);
        runner.equal(textOf([other]), ['small']);
      }
      runner.equal((await node.stats()).bytes, size + 5);
      await node.drop([item]);
      runner.equal(await node.read([item]), [undefined]);
      runner.equal((await node.stats()).bytes, 5);
    });
  }

  declare('refuses more than 64 MB by name', async (node) => {
    const item = revisionOf('redis:0/too-large', 3, Buffer.alloc(64 * mebibyte + 1));
    runner.equal(await codeOf(node.write([item])), 'payload_too_large');
    runner.equal(await node.write([item]).catch((error: Error) => error.message.includes('too-large') && error.message.includes(String(item.bytes.length))), true);
    runner.equal(await node.read([item]), [undefined]);
    runner.equal((await node.stats()).elements, 0);
  });

  declare('stores equal payloads once', async (node) => {
    const same = unlike(3 * mebibyte);
    const items = Array.from({ length: 6 }, (_, index) => revisionOf(`redis:0/same:${index}`, 1, same));
    await node.write(items.slice(0, 3));
    await node.write(items.slice(3));
    await node.write(items);
    const { elements, bytes, writes } = await node.stats();
    runner.equal({ elements, bytes, writes }, { elements: 6, bytes: same.length, writes: 6 });
    for (const item of items.slice(0, 5)) await node.drop([item]);
    runner.equal((await node.read([items[5] as typeof items[0]])).map((found) => found?.length), [same.length]);
    await node.drop(items);
    const after = await node.stats();
    runner.equal([after.elements, after.bytes], [0, 0]);
  });
}

function hashCases(engine: EngineUnderTest, runner: CaseRunner, exceptions: CaseExceptions): void {
  const declare = casesOf('payloads', engine, runner, exceptions);

  declare('takes no bytes that are not what their hash says', async (node) => {
    const honest = revisionOf('redis:0/a', 1, Buffer.from('abc'));
    const forged = { ...revisionOf('redis:0/b', 1, Buffer.from('abd')), hash: honest.hash };
    runner.equal(await codeOf(node.write([forged])), 'payload_corrupt');
    await node.write([honest]);
    runner.equal(textOf(await node.read([forged, honest])).at(-1), 'abc');
  });

  declare('gives by hash what was written, and nothing else than that hash', async (node) => {
    const [old, next] = [revisionOf('redis:0/a', 1, Buffer.from('old')), revisionOf('redis:0/a', 2, Buffer.from('next'))];
    await node.write([old, next]);
    runner.equal(textOf(await node.read([old, { key: 'redis:0/a', revision: 2 }, next])), ['old', 'next', 'next']);
    const never = contentHash(Buffer.from('never written'));
    runner.equal(await node.read([{ key: 'redis:0/a', revision: 1, hash: never }]), [undefined]);
    const [other] = textOf(await node.read([{ key: 'redis:0/a', revision: 1, hash: next.hash }]));
    runner.equal(other === undefined || other === 'next', true);
  });

  declare('is written to by two at once, and every revision is there', async (node) => {
    const other = await engine.second(node);
    const items = Array.from({ length: 200 }, (_, index) => revisionOf(`redis:0/{both}:${index}`, 1, Buffer.from(`payload ${index % 50}`)));
    await Promise.all(Array.from({ length: 20 }, (_, part) => (part % 2 === 0 ? node : other).write(items.slice(part * 10, part * 10 + 15))));
    runner.equal(textOf(await other.read(items.map(({ key, revision }) => ({ key, revision })))), items.map((_, index) => `payload ${index % 50}`));
    runner.equal((await node.list(slotOf('redis:0/{both}:'))).length, 200);
    await Promise.all([node.drop(items.slice(0, 120)), other.drop(items.slice(80))]);
    const { elements, bytes } = await node.stats();
    runner.equal({ elements, bytes }, { elements: 0, bytes: 0 });
    if (other !== node) await other.close();
  });

  declare('keeps a payload that one client writes again while another drops its last use', async (node) => {
    const other = await engine.second(node);
    const bytes = Buffer.from('in and out');
    for (let round = 0; round < 50; round++) {
      const [gone, kept] = [revisionOf(`redis:0/gone:${round}`, 1, bytes), revisionOf(`redis:0/kept:${round}`, 1, bytes)];
      await node.write([gone]);
      await Promise.all([node.drop([gone]), other.write([kept])]);
      runner.equal(textOf(await node.read([kept])), ['in and out']);
      await other.drop([kept]);
    }
    runner.equal((await node.stats()).elements, 0);
    if (other !== node) await other.close();
  });
}

function fullCases(engine: EngineUnderTest, runner: CaseRunner, exceptions: CaseExceptions): void {
  const declare = casesOf('full', engine, runner, exceptions);

  declare('is full at its limit, and takes more when something was dropped', async (node) => {
    const [first, second, third] = ['a', 'b', 'c'].map((word) => revisionOf(`redis:0/${word}`, 1, Buffer.from(word.repeat(400)))) as [ReturnType<typeof revisionOf>, ReturnType<typeof revisionOf>, ReturnType<typeof revisionOf>];
    await node.write([first, second]);
    await node.write([revisionOf('redis:0/equal', 1, first.bytes)]); // equal bytes cost nothing
    runner.equal(await codeOf(node.write([third])), 'state_node_full');
    runner.equal(await node.read([third]), [undefined]);
    const { bytes, maxBytes, errors } = await node.stats();
    runner.equal({ bytes, maxBytes, errors }, { bytes: 800, maxBytes: 1000, errors: 1 });
    await node.drop([second]);
    await node.write([third]);
    runner.equal(textOf(await node.read([third])), ['c'.repeat(400)]);
  }, { maxBytes: 1000 });
}
