import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ControlConnection } from '../gateways/redis/upstream-control.ts';
import { memberName } from '../model/shard-map.ts';
import { freePort, isInstalled, startServer, type StartedServer } from '../testing/real-servers.ts';
import { revisionOf, stateNodeCases } from '../testing/state-node-cases.ts';
import { RedisStateNode, type RedisStateNodeOptions } from './redis-state-node.ts';
import type { RegisterOperation } from './slot-register.ts';
import type { StateNode } from './state-node.ts';

const equal = (actual: unknown, expected: unknown): void => expect(actual).toEqual(expected);
const a = { key: 'redis:0/a', revision: 1 };

describe.skipIf(!isInstalled('redis-server'))('the Redis state node', () => {
  let server: StartedServer;
  let control: ControlConnection;
  let namespaces = 0;
  const namespaceOf = new Map<StateNode, string>();
  const open = async (options: Partial<RedisStateNodeOptions> = {}): Promise<RedisStateNode> => {
    const namespace = options.namespace ?? `test-${++namespaces}`;
    const node = await RedisStateNode.connect({ id: 'node-1', host: server.host, port: server.port, namespace, ...options });
    namespaceOf.set(node, namespace);
    return node;
  };
  const keys = async (): Promise<string[]> => (await control.one('KEYS', '*')) as string[];

  beforeAll(async () => {
    server = await startServer('redis-server');
    control = await ControlConnection.open(server);
  });
  afterAll(async () => {
    control.close();
    await server.stop();
  });

  stateNodeCases({
    open,
    second: (node) => open({ namespace: namespaceOf.get(node) ?? '', onClose: 'keep' }),
    forget: async (node) => {
      await control.one('FLUSHALL');
      return node;
    },
  }, { test, equal });

  test('leaves nothing behind, touches nothing of others, and lets everything expire', async () => {
    await control.one('SET', 'theirs', 'x');
    const node = await open();
    await node.write([revisionOf('redis:0/a', 1, Buffer.from('abc'))]);
    await node.apply(await node.life(), [swapOf(await selfOf(node), null, 'a1')]);
    expect((await keys()).length).toBe(7);
    for (const key of await keys()) if (key !== 'theirs') expect(await control.one('PTTL', key)).toBeGreaterThan(1000);
    await node.close();
    expect(await keys()).toEqual(['theirs']);
    await control.one('DEL', 'theirs');
  });

  test('lets nothing expire in a namespace that is kept', async () => {
    const node = await open({ namespace: 'kept', onClose: 'keep' });
    await node.write([revisionOf('redis:0/a', 1, Buffer.from('abc'))]);
    await node.apply(await node.life(), [swapOf(await selfOf(node), null, 'a1')]);
    expect((await keys()).length).toBe(6);
    for (const key of await keys()) expect(await control.one('PTTL', key)).toBe(-1);
    await node.close();
    const again = await open({ namespace: 'kept' });
    expect(Buffer.from((await again.read([a]))[0] ?? []).toString()).toBe('abc');
    await again.close();
    expect(await keys()).toEqual([]);
  });

  test('gives no byte that was changed behind its back, and is mended by writing again', async () => {
    const node = await open();
    const item = revisionOf('redis:0/a', 1, Buffer.from('abc'));
    await node.write([item]);
    await control.one('SETRANGE', `fs:${namespaceOf.get(node)}:p:${item.hash}`, '1', 'X');
    expect(await node.read([a, item])).toEqual([undefined, undefined]);
    expect((await node.stats()).errors).toBe(2);
    await node.write([item]);
    expect(Buffer.from((await node.read([a]))[0] ?? []).toString()).toBe('abc');
    await node.close();
  });

  test('connects again after its connection was lost, and knows its scripts when the server has forgotten them', async () => {
    const node = await open();
    await node.write([revisionOf('redis:0/a', 1, Buffer.from('abc'))]);
    await control.one('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    await new Promise((resolve) => setTimeout(resolve, 50));
    const read = (): Promise<(Uint8Array | undefined)[]> => node.read([a]);
    await read().catch((error: unknown) => expect(error).toMatchObject({ code: 'state_node_unreachable' }));
    expect(Buffer.from((await read())[0] ?? []).toString()).toBe('abc');
    await control.one('SCRIPT', 'FLUSH');
    await node.write([revisionOf('redis:0/b', 1, Buffer.from('abc')), revisionOf('redis:0/c', 1, Buffer.from('c'))]);
    expect(await node.stats()).toMatchObject({ elements: 3, bytes: 4 });
    await node.close();
  });

  test('is full when Redis is out of memory, and still lets go of what it has', async () => {
    const node = await open();
    await node.write([revisionOf('redis:0/a', 1, Buffer.from('abc'))]);
    const life = await node.life();
    await control.one('CONFIG', 'SET', 'maxmemory', '1');
    await expect(node.write([revisionOf('redis:0/b', 1, Buffer.from('b'))])).rejects.toMatchObject({ code: 'state_node_full', hint: expect.stringContaining('maxmemory') as string });
    await expect(node.apply(life, [swapOf('x', null, 'a1')])).rejects.toMatchObject({ code: 'state_node_full' });
    await node.drop([a]);
    await control.one('CONFIG', 'SET', 'maxmemory', '0');
    expect(await node.stats()).toMatchObject({ elements: 0, bytes: 0, errors: 2 });
    await node.close();
  });

  test('refuses a server that evicts, and counts what is evicted where that is allowed', async () => {
    await control.one('CONFIG', 'SET', 'maxmemory', '20mb');
    for (const [policy, onClose] of [['allkeys-lru', 'keep'], ['allkeys-random', 'clear'], ['volatile-ttl', 'clear']] as const) {
      await control.one('CONFIG', 'SET', 'maxmemory-policy', policy);
      await expect(open({ onClose })).rejects.toMatchObject({ code: 'state_node_evicts', message: expect.stringContaining(policy) as string, hint: expect.stringContaining('noeviction') as string });
    }
    await (await open({ onClose: 'keep', namespace: 'no-expiry' })).close(); // volatile-ttl takes nothing that does not expire
    await control.one('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru');
    const node = await open({ allowEviction: true });
    for (let index = 0; index < 60; index++) await node.write([revisionOf(`redis:0/{tag}:${index}`, 1, Buffer.alloc(1_000_000, index))]);
    const { evictions, maxBytes } = await node.stats();
    expect(evictions).toBeGreaterThan(0);
    expect(maxBytes).toBe(20 * 1024 * 1024);
    await control.one('CONFIG', 'SET', 'maxmemory', '0');
    await control.one('CONFIG', 'SET', 'maxmemory-policy', 'noeviction');
    await control.one('FLUSHALL');
    await node.close();
  });

  test('names a foreign key in its namespace', async () => {
    for (const [key, command, says] of [
      ['fs:theirs:who knows', ['SET', 'fs:theirs:who knows', 'x'], 'not of a state node'],
      ['fs:theirs:v:1 redis:0/a', ['SET', 'fs:theirs:v:1 redis:0/a', 'x'], 'format 1'],
      ['fs:theirs:node', ['HSET', 'fs:theirs:node', 'format', '99'], 'format 99'],
      ['fs:theirs:node', ['SET', 'fs:theirs:node', 'x'], 'another kind'],
    ] as const) {
      await control.one(...command);
      const error: unknown = await open({ namespace: 'theirs' }).catch((error: unknown) => error);
      expect(error).toMatchObject({ code: 'namespace_foreign', message: expect.stringContaining(says) as string });
      expect((error as Error).message).toContain(key);
      expect(await keys()).toEqual([key]);
      await control.one('FLUSHALL');
    }
    await control.one('SET', 'fs:other[x:key', 'x'); // a namespace is no pattern
    await (await open({ namespace: 'other*' })).close();
    const name = 'Größe \u{1f600}';
    const coordinated = Buffer.from(`fs:${name}:c:state`).toString('latin1');
    await control.one('HSET', coordinated, 'revision', '1'); // a coordinator may share the namespace, and keeps its keys
    await (await open({ namespace: name })).close();
    expect(await control.one('EXISTS', coordinated)).toBe(1);
    await control.one('FLUSHALL');
  });

  test('begins a new life when a single register is missing', async () => {
    const node = await open();
    const life = await node.life();
    const self = await selfOf(node);
    await node.apply(life, [swapOf(self, null, 'a1'), { ...swapOf(self, null, 'b1'), slot: 8 }]);
    await control.one('DEL', `fs:${namespaceOf.get(node)}:r:${life}:7`);
    await expect(node.apply(life, [readOf(self)])).rejects.toMatchObject({ code: 'state_node_restarted' });
    expect(await node.life()).not.toBe(life);
    expect((await keys()).filter((key) => key.includes(':r:'))).toEqual([]);
    await node.close();
  });

  test('refreshes registers that are only read', async () => {
    const node = await open({ expiryMs: 60_000 });
    const life = await node.life();
    const register = `fs:${namespaceOf.get(node)}:r:${life}:7`;
    await node.apply(life, [swapOf(await selfOf(node), null, 'a1')]);
    await control.one('PEXPIRE', register, '5000');
    await node.apply(life, [readOf(await selfOf(node))]);
    expect(await control.one('PTTL', register)).toBeGreaterThan(30_000);
    await node.close();
  });

  test('has another life in a server that was started again from what it had saved', async () => {
    const own = await startServer('redis-server');
    const node = await RedisStateNode.connect({ id: 'node-1', ...own, namespace: 'saved', onClose: 'keep' });
    const life = await node.life();
    const self = await selfOf(node);
    await node.apply(life, [swapOf(self, null, 'saved')]);
    const admin = await ControlConnection.open(own);
    await admin.one('SAVE');
    await node.apply(life, [swapOf(self, 'saved', 'acknowledged')]);
    await own.restart();
    await expect(eventually(() => node.apply(life, [readOf(self)]))).rejects.toMatchObject({ code: 'state_node_restarted' });
    const next = await node.life();
    expect(next).not.toBe(life);
    const [answer] = await node.apply(next, [readOf(memberName({ id: 'node-1', life: next }))]);
    expect(answer).toEqual({ status: 'ok', active: true, heads: [{ key: a.key, head: null }], before: null });
    await node.close();
    await own.stop();
  });
});

test('a Redis that is not there is named', async () => {
  const port = await freePort();
  await expect(RedisStateNode.connect({ id: 'node-9', host: '127.0.0.1', port, namespace: 'x' })).rejects.toMatchObject({
    code: 'state_node_unreachable', message: expect.stringContaining(`127.0.0.1:${port}`) as string,
  });
});

async function selfOf(node: StateNode): Promise<string> {
  return memberName({ id: node.id, life: await node.life() });
}

function swapOf(self: string, expected: string | null, next: string): RegisterOperation {
  return { op: 'swap', slot: 7, entry: { incarnation: 0, epoch: 1, own: [self], old: [], joining: [], pull: 0 }, swaps: [{ key: a.key, expected, next }] };
}

function readOf(self: string): RegisterOperation {
  return { op: 'read', slot: 7, entry: { incarnation: 0, epoch: 1, own: [self], old: [], joining: [], pull: 0 }, keys: [a.key] };
}

/** Again while the node cannot be reached. */
async function eventually<T>(run: () => Promise<T>): Promise<T> {
  for (let tries = 0; ; tries++) {
    try {
      return await run();
    } catch (error) {
      if ((error as { code?: string }).code !== 'state_node_unreachable' || tries > 40) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}
