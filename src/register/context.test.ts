import { setImmediate as turn } from 'node:timers/promises';
import { beforeEach, describe, expect, test } from 'vitest';
import { contextForChild, cryptoRandomOf, currentContext, hold, holdUntil, mathRandomOf, moveClock, onIdle, openContext, release, storage } from './context.ts';
import type { RequestContext } from './context.ts';

const seed = '0123456789abcdef0123456789abcdef';
let idle: string[] = [];

function open(text: string): RequestContext {
  const context = openContext(text);
  if (context === undefined) throw new Error(`no context in ${text}`);
  return context;
}

beforeEach(() => {
  idle = [];
  onIdle(tag => idle.push(tag));
});

describe('the header', () => {
  test('holds tag, clock and seed', () => {
    const context = open(`case-7;1700000000123;${seed}`);
    expect(context).toMatchObject({ tag: 'case-7', clockMs: 1_700_000_000_123, seed, commandHead: '$4\r\nFS.L\r\n$6\r\ncase-7\r\n' });
  });

  test('is sent on with the time once the clock has moved', () => {
    const context = open(`case-8;1700000000123;${seed}`);
    expect(context.laneTag).toBe('case-8');
    moveClock(context, 1_700_000_000_150);
    expect(context).toMatchObject({ clockMs: 1_700_000_000_150, laneTag: 'case-8;1700000000150', commandHead: '$4\r\nFS.L\r\n$20\r\ncase-8;1700000000150\r\n' });
  });

  test('may hold a tag alone: time and randomness are real then', () => {
    const context = open('lonely');
    expect([context.clockMs, context.seed, mathRandomOf(context), cryptoRandomOf(context)]).toEqual([undefined, undefined, undefined, undefined]);
  });

  test.each(['', ';1;2', 'two words', 'line\r\nbreak', 'é'])('%j names no tag', text => {
    expect(openContext(text)).toBeUndefined();
  });

  test.each([`t;soon;${seed}`, `t;;${seed}`, 't;Infinity;short'])('%j: what cannot be read is left real', text => {
    expect(open(text).clockMs).toBeUndefined();
  });
});

test('a bare tag joins the live context of that name, and only while it lives', async () => {
  const outer = open(`joined;1;${seed}`);
  hold(outer);
  expect(openContext('joined')).toBe(outer);
  release(outer);
  await turn();
  await turn();
  expect(openContext('joined')).not.toBe(outer);
});

test('Math.random and crypto draw from streams apart, each the same for the same seed', () => {
  const [one, two] = [open(`a;1;${seed}`), open(`b;1;${seed}`)];
  const draws = (context: RequestContext): number[] => [mathRandomOf(context)?.next() ?? 0, cryptoRandomOf(context)?.next() ?? 0];
  expect(mathRandomOf(two)?.next()).toBeLessThan(1);
  const [math, crypto] = draws(one);
  expect(crypto).not.toBe(math);
  expect(draws(two)[1]).toBe(crypto);
});

test('each child process gets a seed of its own, the same in every run', () => {
  const children = (): string[] => {
    const context = open(`c;5;${seed}`);
    return [contextForChild(context), contextForChild(context)];
  };
  const [first, second] = children();
  expect(first).toMatch(/^c;5;[0-9a-f]{32}$/);
  expect(second).not.toBe(first);
  expect(children()).toEqual([first, second]);
});

describe('idle', () => {
  test('when the last thing ended, a turn later', async () => {
    const context = open('idle-1');
    hold(context);
    hold(context);
    release(context);
    await turn();
    expect(idle).toEqual([]);
    release(context);
    expect(idle).toEqual([]);
    await turn();
    await turn();
    expect(idle).toEqual(['idle-1']);
  });

  test('not when more begins before the turn is over; then when that ended', async () => {
    const context = open('idle-2');
    hold(context);
    release(context);
    hold(context);
    await turn();
    await turn();
    expect(idle).toEqual([]);
    release(context);
    await turn();
    await turn();
    expect(idle).toEqual(['idle-2']);
  });

  test('again after each burst of work', async () => {
    const context = open('idle-3');
    for (let burst = 0; burst < 2; burst++) {
      hold(context);
      release(context);
      await turn();
      await turn();
    }
    expect(idle).toEqual(['idle-3', 'idle-3']);
  });

  test('waits for promises, also for those that fail, and leaves the failure to its owner', async () => {
    const context = open('idle-4');
    const failing = Promise.reject(new Error('the caller’s business'));
    holdUntil(context, failing);
    holdUntil(context, 'no promise');
    expect(context.pending).toBe(1);
    await expect(failing).rejects.toThrow('business');
    await turn();
    await turn();
    expect([context.pending, idle]).toEqual([0, ['idle-4']]);
  });
});

test('the running code’s context is found across awaits, and there is none outside', async () => {
  const context = open('mine');
  await storage.run(context, async () => {
    await turn();
    expect(currentContext()).toBe(context);
  });
  expect(currentContext()).toBeUndefined();
});
