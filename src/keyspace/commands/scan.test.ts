import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { manualKeyspace } from '../manual-keyspace.ts';

describe('SCAN', () => {
  it('gives every key that is there throughout exactly once, whatever comes and goes between', () => {
    const scenario = fc.record({
      stay: fc.uniqueArray(fc.integer({ min: 0, max: 400 }), { maxLength: 60 }),
      changes: fc.array(fc.record({ key: fc.integer({ min: 401, max: 500 }), set: fc.boolean() }), { maxLength: 200 }),
      count: fc.integer({ min: 1, max: 7 }),
    });
    fc.assert(fc.property(scenario, ({ stay, changes, count }) => {
      const { run } = manualKeyspace();
      for (const key of stay) run(`SET k${key} 1`);
      const seen: string[] = [];
      let cursor = '0';
      let next = 0;
      do {
        const [after, keys] = run(`SCAN ${cursor} COUNT ${count}`) as [string, string[]];
        seen.push(...keys);
        cursor = after;
        for (const change of changes.slice(next, next += 3)) run(change.set ? `SET k${change.key} 1` : `DEL k${change.key}`);
      } while (cursor !== '0');
      const found = seen.filter((key) => Number(key.slice(1)) <= 400);
      expect(found.sort()).toEqual(stay.map((key) => `k${key}`).sort());
      expect(new Set(seen).size).toBe(seen.length);
    }), { numRuns: 200 });
  });

  it('looks at no more keys than COUNT asks for, and filters them by pattern and type', () => {
    const { run } = manualKeyspace();
    for (let i = 0; i < 100; i++) run(`SET k${i} 1`);
    run('RPUSH list 1');
    const [cursor, keys] = run('SCAN 0 COUNT 5') as [string, string[]];
    expect(keys).toHaveLength(5);
    expect(cursor).not.toBe('0');
    expect(run('SCAN 0 COUNT 1000 TYPE LIST')).toEqual(['0', ['list']]);
    expect(run('SCAN 0 COUNT 1000 MATCH k7')).toEqual(['0', ['k7']]);
  });

  it('does not give keys that have expired since the order was made', () => {
    const { run, advance } = manualKeyspace();
    run('SET a 1 PX 10');
    run('SET b 1');
    run('SCAN 0');
    advance(10);
    expect(run('SCAN 0')).toEqual(['0', ['b']]);
  });

  it('gives a recorded walk again, page by page under the recorded cursors, less what is gone, then what is new', () => {
    const page = (cursor: string, ...outcome: string[]): { command: string; args: string[]; database: number; outcome: string[] } => ({ command: 'SCAN', args: [cursor, 'COUNT', '2'], database: 0, outcome });
    const { run } = manualKeyspace({ hints: [page('0', 'c', 'a'), page('6', 'e', 'b'), page('5', 'd')] });
    run('MSET a 1 b 2 c 3 d 4');
    expect(run('SCAN 0 COUNT 2')).toEqual(['6', ['c', 'a']]);
    expect(run('SCAN 6 COUNT 2')).toEqual(['5', ['b']]);
    run('MSET new1 1 new2 2 new3 3');
    const seen: string[] = [];
    let cursor = '5';
    while (cursor !== '0') {
      const [next, keys] = run(`SCAN ${cursor} COUNT 2`) as [string, string[]];
      seen.push(...keys);
      cursor = next;
    }
    expect(seen[0]).toBe('d');
    expect(seen.sort()).toEqual(['d', 'new1', 'new2', 'new3']);
    expect((run('SCAN 0 COUNT 100') as [string, string[]])[1]).toHaveLength(7);
  });

  it('ends a recorded walk with its last page where nothing else is there, and shows one page as long as it was', () => {
    const hint = { command: 'SCAN', args: ['0'], database: 0, outcome: ['c', 'b'] };
    const { run } = manualKeyspace({ hints: [hint, { ...hint, outcome: [] }, hint] });
    run('MSET b 2 c 3');
    expect(run('SCAN 0')).toEqual(['0', ['c', 'b']]);
    expect((run('SCAN 0') as [string, string[]])[1].sort()).toEqual(['b', 'c']);
    run('SET a 1');
    const [cursor, keys] = run('SCAN 0') as [string, string[]];
    expect(keys).toEqual(['c', 'b']);
    expect(run(`SCAN ${cursor}`)).toEqual(['0', ['a']]);
  });
});
