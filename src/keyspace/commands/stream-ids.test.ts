import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareIds, intervalArgument, itemsBetween, maxId, minId, nextId, parseId, partsOf, previousId } from './stream-ids.ts';

const half = fc.oneof(fc.bigInt({ min: 0n, max: 12n }), fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }));
const id = fc.tuple(half, half).map(([ms, sequence]) => `${ms}-${sequence}`);

describe('stream ids', () => {
  it('compare as their numbers do', () => {
    const value = (text: string): bigint => partsOf(text).ms * 2n ** 64n + partsOf(text).sequence;
    fc.assert(fc.property(id, id, (a, b) => Math.sign(compareIds(a, b)) === (value(a) < value(b) ? -1 : value(a) > value(b) ? 1 : 0)));
  });

  it('step forward and back', () => {
    fc.assert(fc.property(id, (one) => one === maxId || previousId(nextId(one) ?? '') === one));
    expect(nextId('5-18446744073709551615')).toBe('6-0');
    expect([nextId(maxId), previousId(minId)]).toEqual([undefined, undefined]);
  });

  it('are read as Redis reads them', () => {
    expect(['007-+5', '5', ' 2-1', '1-1\u0000x'].map((text) => parseId(text))).toEqual(['7-5', '5-0', '2-1', '1-1']);
    expect(parseId('5', 'max')).toBe('5-18446744073709551615');
    for (const text of ['', 'x', '-', '+', '1-', '-1', '1-*', '18446744073709551616-0']) expect(parseId(text)).toBeUndefined();
    expect(intervalArgument('(5-1', 'start')).toBe('5-2');
    expect(() => intervalArgument(`(${maxId}`, 'start')).toThrow('ERR invalid start ID for the interval');
    expect(() => intervalArgument('(0-0', 'end')).toThrow('ERR invalid end ID for the interval');
  });

  it('bound a slice on both sides', () => {
    const items = ['1-1', '1-2', '3-0'].map((text) => ({ id: text }));
    expect(itemsBetween(items, '1-2', '3-0')).toEqual(items.slice(1));
    expect(itemsBetween(items, '1-3', '2-9')).toEqual([]);
  });
});
