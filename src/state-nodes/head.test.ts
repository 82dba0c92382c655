import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeHead, encodeHead, mergeHeads, noHead, putHead, type HeadOrder, type HeadState, type VersionVector } from './head.ts';

const write = (id: string, at: number): { id: string; at: number; revision: number; hash: string } => ({ id, at, revision: at, hash: `h${id}` });

/** Three replicas that put and merge in some order: what a real history can lead to. */
function histories(order: HeadOrder): fc.Arbitrary<HeadState[]> {
  const step = fc.record({ replica: fc.nat(2), other: fc.nat(2), put: fc.boolean(), blind: fc.boolean() });
  return fc.array(step, { maxLength: 14 }).map((steps) => {
    const replicas: HeadState[] = [noHead, noHead, noHead];
    for (const [index, { replica, other, put, blind }] of steps.entries()) {
      const here = replicas[replica] as HeadState;
      const context: VersionVector = blind ? {} : here.seen;
      replicas[replica] = put ? putHead(here, write(`w${index}`, index), context, `n${replica}@1`, order) : mergeHeads(here, replicas[other] as HeadState, order);
    }
    return replicas;
  });
}

describe.each<HeadOrder>(['last-writer-wins', 'siblings'])('heads, %s', (order) => {
  test('merging does not care for order, grouping or repetition', () => {
    fc.assert(fc.property(histories(order), ([a, b, c]) => {
      const [x, y, z] = [a, b, c] as [HeadState, HeadState, HeadState];
      const merge = (left: HeadState, right: HeadState): HeadState => mergeHeads(left, right, order);
      expect(encodeHead(merge(x, y))).toBe(encodeHead(merge(y, x)));
      expect(encodeHead(merge(merge(x, y), z))).toBe(encodeHead(merge(x, merge(y, z))));
      expect(encodeHead(merge(x, x))).toBe(encodeHead(x));
      expect(encodeHead(merge(merge(x, y), y))).toBe(encodeHead(merge(x, y)));
    }), { numRuns: 2000 });
  });

  test('a head comes back from its text, and a retried write changes nothing', () => {
    fc.assert(fc.property(histories(order), ([head]) => {
      const here = head as HeadState;
      expect(encodeHead(decodeHead(encodeHead(here)))).toBe(encodeHead(here));
      const once = putHead(here, write('again', 99), here.seen, 'n0@1', order);
      expect(putHead(once, write('again', 99), here.seen, 'n1@1', order)).toBe(once);
    }));
  });
});

test('what was written at the same time stands side by side until a write has seen both', () => {
  const a = putHead(noHead, write('a', 1), {}, 'n0@1', 'siblings');
  const b = putHead(noHead, write('b', 2), {}, 'n1@1', 'siblings');
  const both = mergeHeads(a, b, 'siblings');
  expect(both.values.map(({ id }) => id)).toEqual(['b', 'a']);
  const settled = putHead(both, write('c', 3), both.seen, 'n0@1', 'siblings');
  expect(mergeHeads(settled, both, 'siblings').values.map(({ id }) => id)).toEqual(['c']);
  expect(mergeHeads(a, b, 'last-writer-wins').values.map(({ id }) => id)).toEqual(['b']);
});

test('an actor in another life never hides what the first one wrote', () => {
  const before = putHead(noHead, write('a', 1), {}, 'n0@1', 'siblings');
  const forgot = putHead(noHead, write('b', 2), {}, 'n0@2', 'siblings');
  expect(mergeHeads(before, forgot, 'siblings').values.map(({ id }) => id)).toEqual(['b', 'a']);
});

test('a text that is no head is refused', () => {
  for (const text of ['', '{}', 'null', '[1]', '{"seen":1,"values":[]}', '{"seen":{},"values":3}']) expect(() => decodeHead(text)).toThrow(/no/);
});
