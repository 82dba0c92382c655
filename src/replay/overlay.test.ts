import { describe, expect, test } from 'vitest';
import { newSession } from '../keyspace/session.ts';
import type { Reply } from '../keyspace/reply.ts';
import type { RequestRecord } from '../model/recording.ts';
import { RecordingInMemory } from '../testing/recording-in-memory.ts';
import { CaseClock } from './case-clock.ts';
import { EntryCache } from './entry-cache.ts';
import { KeyIndex, KnownState } from './known-state.ts';
import { Overlay } from './overlay.ts';
import { planCases } from './plan.ts';

const text = (value: string) => ({ type: 'string', value }) as const;

/** An overlay for one request of a recording, with a client on it. */
async function overlayFor(memory: RecordingInMemory, request: RequestRecord, prefetch = true): Promise<{ overlay: Overlay; run: (...args: string[]) => Promise<Reply> }> {
  const recording = memory.build();
  const cache = new EntryCache({ fetch: (items) => Promise.all(items.map((item) => recording.payload(item.hash))) });
  const [planned] = planCases(recording, [request]);
  const needs = planned?.needs ?? new Map();
  if (prefetch) await cache.load(needs.values());
  const overlay = new Overlay({
    state: new KnownState(recording, request, needs), keys: new KeyIndex(recording), cache, clock: new CaseClock(request.at, 'stands'), seed: request.seed, hints: request.hints,
  });
  const session = newSession(() => {});
  const { keysOf } = await import('../keyspace/registry.ts');
  const run = async (...args: string[]): Promise<Reply> => {
    await overlay.ensure('redis', 0, keysOf(args));
    return new Promise((done) => overlay.keyspace('redis').execute(session, args, done));
  };
  return { overlay, run };
}

describe('what a case reads', () => {
  const memory = new RecordingInMemory();
  const met = memory.revision('redis:0/met', text('as met'), { position: 5 });
  memory.revision('redis:0/met', text('later'), { position: 50 });
  memory.revision('redis:0/other', text('old'), { position: 2, cause: 'initial' });
  memory.revision('redis:0/other', text('as of then'), { position: 8 });
  memory.revision('redis:0/other', text('too new'), { position: 60 });
  memory.revision('redis:0/gone', text('x'), { position: 1, cause: 'initial' });
  memory.revision('redis:0/gone', null, { position: 3 });
  memory.revision('redis:0/late', text('x'), { position: 90 });
  const request = memory.request({ id: 'r000001', position: 10, touches: [{ key: 'redis:0/met', revision: met, read: true, written: false }] });

  test('is what the request met, else the chain as of it, each with its provenance', async () => {
    const { overlay, run } = await overlayFor(memory, request);
    expect(await run('MGET', 'met', 'other', 'gone')).toEqual(['as met', 'as of then', null]);
    await run('SET', 'mine', '1');
    await run('GET', 'mine');
    expect(overlay.reads.map(({ key, provenance, revision }) => [key, provenance, revision])).toEqual([
      ['redis:0/met', 'recorded', 1], ['redis:0/other', 'chain', 2], ['redis:0/gone', 'absent', null], ['redis:0/mine', 'own', null],
    ]);
    expect(overlay.problems).toEqual([]);
  });

  test('brings with a state fault what is likely to be read with it', async () => {
    const recording = memory.build();
    const asked: string[][] = [];
    const cache = new EntryCache({ fetch: (items) => {
      asked.push(items.map(({ key }) => key));
      return Promise.all(items.map((item) => recording.payload(item.hash)));
    } });
    const overlay = new Overlay({
      state: new KnownState(recording, request, new Map()), keys: new KeyIndex(recording), cache, clock: new CaseClock(request.at, 'stands'), seed: request.seed, hints: [],
      neighbours: (key) => (key === 'redis:0/other' ? ['redis:0/met', 'redis:0/gone', 'redis:0/never'] : []),
    });
    await overlay.ensure('redis', 0, ['other']);
    await overlay.ensure('redis', 0, ['met']);
    expect(asked).toEqual([['redis:0/other'], ['redis:0/met']]);
    expect(overlay.faults).toBe(1);
  });

  test('is a state fault where it was not prefetched', async () => {
    const { overlay, run } = await overlayFor(memory, request);
    await run('GET', 'met');
    expect(overlay.faults).toBe(0);
    await run('GET', 'other');
    expect(overlay.faults).toBe(1);
    expect(overlay.reads.find((read) => read.key === 'redis:0/other')?.fault).toBe(true);
  });

  test('is named when nothing is known of it, and never taken for absent', async () => {
    const { overlay, run } = await overlayFor(memory, request);
    await run('GET', 'late');
    await run('GET', 'never');
    expect(overlay.problems.map(({ code, key }) => [code, key])).toEqual([['unknown_read', 'redis:0/late'], ['unknown_read', 'redis:0/never']]);
    await run('KEYS', '*');
    expect(overlay.problems.at(-1)?.code).toBe('unknown_listing');
  });
});

test('a key nobody ever saw is absent where its database is known completely', async () => {
  const memory = new RecordingInMemory();
  memory.revision('redis:0/a', text('1'), { position: 0, cause: 'initial' });
  memory.complete('redis:0');
  const { overlay, run } = await overlayFor(memory, memory.request({ id: 'r000001', position: 10 }));
  expect(await run('GET', 'never')).toBe(null);
  expect(await run('KEYS', '*')).toEqual(['a']);
  expect(await run('DBSIZE')).toBe(1);
  expect(overlay.problems).toEqual([]);
});

test('expiry follows the clock of the case, not ours', async () => {
  const memory = new RecordingInMemory();
  const at = 1_700_000_000_000;
  const live = memory.revision('redis:0/live', text('x'), { position: 1, cause: 'initial', expiresAtMs: at + 60_000 });
  const dead = memory.revision('redis:0/dead', text('x'), { position: 1, cause: 'initial', expiresAtMs: at - 1 });
  const touch = (key: string, revision: number) => ({ key, revision, read: true, written: false });
  const request = memory.request({ id: 'r000001', position: 10, at, touches: [touch('redis:0/live', live), touch('redis:0/dead', dead)] });
  const { run } = await overlayFor(memory, request);
  expect(await run('TTL', 'live')).toBe(60);
  expect(await run('GET', 'dead')).toBe(null);
});

describe('what a case did', () => {
  async function effectsOf(...commands: string[][]): Promise<unknown[]> {
    const memory = new RecordingInMemory();
    const hash = memory.revision('redis:0/h', { type: 'hash', fields: [['a', '1'], ['b', '2']] }, { position: 1, cause: 'initial' });
    const request = memory.request({ id: 'r000001', position: 10, touches: [{ key: 'redis:0/h', revision: hash, read: true, written: true }] });
    memory.complete('redis');
    const { overlay, run } = await overlayFor(memory, request);
    for (const command of commands) await run(...command);
    return overlay.effects().map(({ key, after, parts, valueWritten, expiry }) => ({ key, after: after?.value ?? null, parts, valueWritten, expiry }));
  }

  test('is the same whichever commands did it', async () => {
    const expected = await effectsOf(['SET', 's', 'v', 'EX', '60']);
    expect(expected).toEqual([{ key: 'redis:0/s', after: text('v'), parts: [], valueWritten: true, expiry: { kind: 'relative', ms: 60_000 } }]);
    expect(await effectsOf(['SETEX', 's', '60', 'v'])).toEqual(expected);
    expect(await effectsOf(['SET', 's', 'v'], ['EXPIRE', 's', '60'])).toEqual(expected);
    expect(await effectsOf(['PSETEX', 's', '60000', 'v'])).toEqual(expected);
    expect(await effectsOf(['HSET', 'h', 'a', '1', 'c', '3'])).toEqual(await effectsOf(['HSET', 'h', 'a', '1'], ['HSET', 'h', 'c', '3']));
  });

  test('names the fields that were assigned, even to what they were', async () => {
    expect(await effectsOf(['HSET', 'h', 'a', '1'])).toMatchObject([{ parts: ['a'], valueWritten: true, expiry: null }]);
  });

  test('tells an expiry that was set again, and one that was cleared', async () => {
    expect(await effectsOf(['EXPIRE', 'h', '10'])).toMatchObject([{ valueWritten: false, expiry: { kind: 'relative', ms: 10_000 } }]);
    expect(await effectsOf(['EXPIRE', 'h', '10'], ['PERSIST', 'h'])).toMatchObject([{ expiry: { kind: 'cleared' } }]);
  });

  test('is told of what has expired before the end as it was written, and of what was deleted then as deleted', async () => {
    const memory = new RecordingInMemory();
    memory.complete('redis');
    const request = memory.request({ id: 'r000001', position: 10 });
    const { overlay, run } = await overlayFor(memory, request);
    for (const name of ['left', 'read', 'deleted', 'again']) await run('SET', name, 'v', 'PX', '1');
    overlay.clock.reach(request.at + 20);
    expect(await run('GET', 'read')).toBe(null);
    expect(await run('DEL', 'deleted')).toBe(0);
    await run('SET', 'again', 'w');
    const expired = { after: { value: text('v'), expiresAtMs: request.at + 1 }, expiry: { kind: 'relative', ms: 1 } };
    expect(overlay.effects()).toMatchObject([
      { key: 'redis:0/left', ...expired }, { key: 'redis:0/read', ...expired }, { key: 'redis:0/deleted', after: null }, { key: 'redis:0/again', after: { value: text('w'), expiresAtMs: null } },
    ]);
  });

  test('never reaches another case: the shared state stays what it was', async () => {
    const memory = new RecordingInMemory();
    const list = memory.revision('redis:0/l', { type: 'list', items: ['a'] }, { position: 1, cause: 'initial' });
    const request = memory.request({ id: 'r000001', position: 10, touches: [{ key: 'redis:0/l', revision: list, read: true, written: true }] });
    const recording = memory.build();
    const cache = new EntryCache({ fetch: (items) => Promise.all(items.map((item) => recording.payload(item.hash))) });
    const [planned] = planCases(recording, [request]);
    await cache.load(planned?.needs.values() ?? []);
    const lengths: Reply[] = [];
    for (let round = 0; round < 3; round++) {
      const overlay = new Overlay({
        state: new KnownState(recording, request, planned?.needs ?? new Map()), keys: new KeyIndex(recording), cache, clock: new CaseClock(request.at, 'stands'), seed: request.seed, hints: [],
      });
      overlay.keyspace('redis').execute(newSession(() => {}), ['RPUSH', 'l', 'b'], (reply) => lengths.push(reply));
    }
    expect(lengths).toEqual([2, 2, 2]);
  });
});
