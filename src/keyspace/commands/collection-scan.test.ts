import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cursorArgument, scanCollection } from './collection-scan.ts';

const step = (names: readonly string[], cursor: string, options: readonly string[] = []): readonly [string, readonly string[]] => scanCollection({ names, cursor: cursorArgument(cursor), options, itemsOf: (name) => [name] }) as [string, string[]];

describe('scanning a collection', () => {
  it('gives a small one whole', () => {
    expect(step(['a', 'b'], '7', ['COUNT', '1'])).toEqual(['0', ['a', 'b']]);
    expect(step(['a', 'b'], '0', ['match', 'b*'])).toEqual(['0', ['b']]);
  });

  it('gives what stays from the first call to the last exactly once, whatever comes and goes between', () => {
    const stays = Array.from({ length: 600 }, (_, index) => `stays:${index}`);
    fc.assert(fc.property(fc.array(fc.array(fc.nat(200), { maxLength: 40 }), { minLength: 1, maxLength: 20 }), fc.integer({ min: 20, max: 200 }), (changing, count) => {
      const seen: string[] = [];
      let cursor = '0';
      let calls = 0;
      do {
        const others = (changing[calls % changing.length] ?? []).map((one) => `other:${one}`);
        const [next, names] = step([...new Set([...others, ...stays])], cursor, ['COUNT', String(count)]);
        expect(names.length).toBeLessThanOrEqual(count + 3);
        seen.push(...names.filter((name) => name.startsWith('stays')));
        cursor = next;
        calls++;
      } while (cursor !== '0' && calls < 100);
      expect(seen.toSorted()).toEqual(stays.toSorted());
    }), { numRuns: 40 });
  });

  it('reads cursors as strtoul does', () => {
    expect(cursorArgument('')).toBe(0n);
    expect(cursorArgument('-1')).toBe(2n ** 64n - 1n);
    expect(() => cursorArgument(' 1')).toThrow('ERR invalid cursor');
    expect(() => cursorArgument('99999999999999999999')).toThrow('ERR invalid cursor');
  });
});
