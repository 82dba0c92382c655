import { describe, expect, it } from 'vitest';
import { manualKeyspace } from './manual-keyspace.ts';
import { inHintedOrder } from './hints.ts';

describe('hints', () => {
  it('give the n-th outcome to the n-th use, apart by database and arguments, then nothing', () => {
    const hint = (database: number, ...outcome: string[]): { command: string; args: string[]; database: number; outcome: string[] } => ({ command: 'KEYS', args: ['*'], database, outcome });
    const { run } = manualKeyspace({ hints: [hint(0, 'c', 'a'), hint(1, 'b', 'a'), hint(0, 'b', 'gone', 'c')] });
    for (const database of ['0', '1']) {
      run(`SELECT ${database}`);
      run('MSET a 1 b 2 c 3');
    }
    run('SELECT 0');
    expect(run('KEYS *')).toEqual(['c', 'a', 'b']);
    expect(run('KEYS ?')).toEqual(['a', 'b', 'c']);
    expect(run('KEYS *')).toEqual(['b', 'c', 'a']);
    expect(run('KEYS *')).toEqual(['a', 'b', 'c']);
    run('SELECT 1');
    expect(run('KEYS *')).toEqual(['b', 'a', 'c']);
  });

  it('are followed by RANDOMKEY only where the key is there', () => {
    const { run } = manualKeyspace({ hints: [['b'], ['x']].map((outcome) => ({ command: 'RANDOMKEY', args: [], database: 0, outcome })) });
    run('MSET a 1 b 2');
    expect(run('RANDOMKEY')).toBe('b');
    expect(run('RANDOMKEY')).toBe('a');
  });

  it('order items without losing or adding any', () => {
    expect(inHintedOrder(['z', 'b', 'b'], ['a', 'b', 'c'])).toEqual(['b', 'a', 'c']);
    expect(inHintedOrder(undefined, ['a', 'b'])).toEqual(['a', 'b']);
  });

  it('tell how many others listened to a channel', () => {
    const heard: string[] = [];
    const { run } = manualKeyspace({
      hints: [{ command: 'PUBLISH', args: ['news'], database: 0, outcome: ['2'] }],
      publishOutside: (channel, message) => heard.push(`${channel} ${message}`),
    });
    expect([run('PUBLISH news a'), run('PUBLISH news b'), run('PUBLISH other c')]).toEqual([3, 2, 3]);
    expect(heard).toEqual(['news a', 'news b', 'other c']);
  });
});
