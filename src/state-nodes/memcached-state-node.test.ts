import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { MemcachedClient } from '../gateways/memcached/memcached-client.ts';
import { replyFlag, type MemcachedReply } from '../gateways/memcached/memcached-parser.ts';
import { slotOf } from '../model/directory.ts';
import { memberName } from '../model/shard-map.ts';
import { freePort, isInstalled, startServer, type StartedServer } from '../testing/real-servers.ts';
import { revisionOf, stateNodeCases } from '../testing/state-node-cases.ts';
import { MemcachedStateNode, type MemcachedStateNodeOptions } from './memcached-state-node.ts';
import type { RegisterOperation } from './slot-register.ts';
import type { StateNode } from './state-node.ts';

const equal = (actual: unknown, expected: unknown): void => expect(actual).toEqual(expected);
const a = { key: 'redis:0/a', revision: 1 };

describe.skipIf(!isInstalled('memcached'))('the Memcached state node', () => {
  let server: StartedServer;
  let client: MemcachedClient;
  let namespaces = 0;
  const namespaceOf = new Map<StateNode, string>();
  const open = async (options: Partial<MemcachedStateNodeOptions> = {}): Promise<MemcachedStateNode> => {
    const namespace = options.namespace ?? `test-${++namespaces}`;
    const node = await MemcachedStateNode.connect({ id: 'node-1', host: server.host, port: server.port, namespace, ...options });
    namespaceOf.set(node, namespace);
    return node;
  };

  beforeAll(async () => {
    server = await startServer('memcached', ['-m', '512']);
    client = new MemcachedClient({ host: server.host, port: server.port, timeoutMs: 10_000 });
  });
  afterAll(async () => {
    await client.close();
    await server.stop();
  });

  stateNodeCases({
    open,
    second: (node) => open({ namespace: namespaceOf.get(node) ?? '', onClose: 'keep' }),
    forget: async (node) => {
      await client.send([{ line: 'flush_all' }]);
      return node;
    },
  }, { test, equal });

  test('leaves nothing behind', async () => {
    const own = await startServer('memcached');
    const admin = new MemcachedClient({ ...own, timeoutMs: 10_000 });
    const items = async (): Promise<number> => Number((await admin.send([{ line: 'stats' }]))[0]?.stats?.get('curr_items'));
    const node = await MemcachedStateNode.connect({ id: 'node-1', ...own, namespace: 'short' });
    const life = await node.life();
    await node.write([revisionOf('redis:0/a', 1, Buffer.from('abc')), revisionOf('redis:0/large', 1, Buffer.alloc(3_000_000, 7))]);
    await node.apply(life, [swapOf(memberName({ id: node.id, life }), null, 'a1')]);
    expect(await items()).toBe(13); // life, slots, two counters; two indexes; two payloads in 1 and 3 chunks, with their uses; a register
    await node.close();
    expect(await items()).toBe(0);
    await admin.close();
    await own.stop();
  });

  test('lets everything expire that is not kept', async () => {
    const expiryOf = async (key: string): Promise<string | undefined> => replyFlag((await client.send([{ line: `mg ${key} t` }]))[0] as MemcachedReply, 't');
    for (const [onClose, low, high] of [['clear', 50, 60], ['keep', -1, -1]] as const) {
      const node = await open({ onClose, expiryMs: 60_000 });
      const item = revisionOf('redis:0/a', 1, Buffer.from('abc'));
      const life = await node.life();
      await node.write([item]);
      await node.apply(life, [swapOf(memberName({ id: node.id, life }), null, 'a1')]);
      for (const name of ['life', 'slots', 'elements', 'bytes', `i:${slotOf(item.key)}`, 'r:7', `p:${item.hash}`, `u:${item.hash}`]) {
        const seconds = Number(await expiryOf(`fs:${namespaceOf.get(node)}:${name}`));
        expect([name, seconds >= low && seconds <= high]).toEqual([name, true]);
      }
      await node.close();
    }
  });

  test('names every namespace by something that memcached takes', async () => {
    const spaces = ['n'.repeat(300), 'with space\r\nand lines', 'ümlaut', '', '#x'];
    const nodes = await Promise.all(spaces.map((namespace) => open({ namespace })));
    await Promise.all(nodes.map((node, index) => node.write([revisionOf('redis:0/a', 1, Buffer.from(`${index}`))])));
    expect(await Promise.all(nodes.map(async (node) => Buffer.from((await node.read([a]))[0] ?? []).toString()))).toEqual(spaces.map((_, index) => `${index}`));
    await Promise.all(nodes.map((node) => node.close()));
  });

  test('gives no byte that was changed behind its back, and is mended by writing again', async () => {
    const node = await open();
    const item = revisionOf('redis:0/a', 1, Buffer.from('abc'));
    await node.write([item]);
    await client.send([{ line: `ms fs:${namespaceOf.get(node)}:p:${item.hash} 3 F1`, data: Buffer.from('abX') }]);
    expect(await node.read([a, item])).toEqual([undefined, undefined]);
    expect((await node.stats()).errors).toBe(1);
    await node.write([item]);
    expect(Buffer.from((await node.read([a]))[0] ?? []).toString()).toBe('abc');
    await node.close();
  });

  test('does not give a large payload one chunk of which is gone', async () => {
    const node = await open();
    const item = revisionOf('redis:0/large', 1, Buffer.alloc(3_000_000, 7));
    await node.write([item]);
    await client.send([{ line: `md fs:${namespaceOf.get(node)}:p:${item.hash}:1` }]);
    expect(await node.read([item])).toEqual([undefined]);
    await node.close();
  });

  test('names a foreign item where it meets one', async () => {
    await client.send([{ line: 'ms fs:theirs:life 5', data: Buffer.from('hello') }]);
    await expect(open({ namespace: 'theirs' })).rejects.toMatchObject({ code: 'namespace_foreign', message: expect.stringContaining('fs:theirs:life is not of a state node') as string });
    const newer = Buffer.from('{"format":99,"life":"x"}\n');
    await client.send([{ line: `ms fs:theirs:life ${newer.length}`, data: newer }]);
    await expect(open({ namespace: 'theirs' })).rejects.toMatchObject({ code: 'namespace_foreign', message: expect.stringContaining('format 99') as string });
    const node = await open();
    const life = await node.life();
    await client.send([{ line: `ms fs:${namespaceOf.get(node)}:r:7 5`, data: Buffer.from('hello') }]);
    await expect(node.apply(life, [readOf('x')])).rejects.toMatchObject({ code: 'namespace_foreign' });
    await node.close();
  });

  test('begins a new life when a single register was thrown away', async () => {
    const node = await open();
    const life = await node.life();
    const self = memberName({ id: node.id, life });
    await node.apply(life, [swapOf(self, null, 'a1'), { ...swapOf(self, null, 'b1'), slot: 8 }]);
    await client.send([{ line: `md fs:${namespaceOf.get(node)}:r:7` }]);
    await expect(node.apply(life, [{ op: 'look', slot: 7 }])).rejects.toMatchObject({ code: 'state_node_restarted' });
    expect(await node.life()).not.toBe(life);
    await node.close();
  });

  test('connects again after memcached was started again, in another life', async () => {
    const own = await startServer('memcached');
    const node = await MemcachedStateNode.connect({ id: 'node-1', ...own, namespace: 'again' });
    const life = await node.life();
    await node.apply(life, [swapOf(memberName({ id: node.id, life }), null, 'a1')]);
    await own.restart();
    await node.life().catch((error: unknown) => expect(error).toMatchObject({ code: 'state_node_unreachable' }));
    await expect(node.apply(life, [readOf('x')])).rejects.toMatchObject({ code: 'state_node_restarted' });
    expect(await node.life()).not.toBe(life);
    await node.close();
    await own.stop();
  });
});

describe.skipIf(!isInstalled('memcached'))('a Memcached state node that is too small', () => {
  const fill = async (node: StateNode): Promise<void> => {
    for (let index = 0; index < 40; index++) await node.write([revisionOf(`redis:0/{tag}:${index}`, 1, Buffer.alloc(500_000, index))]);
  };

  test('counts what memcached throws away, and neither lists nor gives it', async () => {
    const small = await startServer('memcached', ['-m', '8']);
    const node = await MemcachedStateNode.connect({ id: 'node-1', ...small, namespace: 'small' });
    await fill(node);
    const { evictions, maxBytes, elements } = await node.stats();
    expect(evictions).toBeGreaterThan(0);
    expect([maxBytes, elements]).toEqual([8 * 1024 * 1024, 40]);
    const listed = await node.list(slotOf('redis:0/{tag}:'));
    expect(listed.length).toBeLessThan(40);
    const all = Array.from({ length: 40 }, (_, index) => ({ key: `redis:0/{tag}:${index}`, revision: 1 }));
    const given = (await node.read(all)).filter((bytes) => bytes !== undefined).length;
    expect(given).toBe(listed.length);
    const later = await MemcachedStateNode.connect({ id: 'node-1', ...small, namespace: 'small', onClose: 'keep' });
    expect((await later.stats()).evictions).toBe(0); // none since it came
    expect((await later.list(slotOf('redis:0/{tag}:'))).length).toBe(listed.length);
    await later.close();
    await node.close();
    await small.stop();
  });

  test('is full where memcached runs without eviction', async () => {
    const small = await startServer('memcached', ['-m', '8', '-M']);
    const node = await MemcachedStateNode.connect({ id: 'node-1', ...small, namespace: 'small' });
    await expect(fill(node)).rejects.toMatchObject({ code: 'state_node_full', hint: expect.stringContaining('-m') as string });
    expect((await node.stats()).evictions).toBe(0);
    await node.close();
    await small.stop();
  });

  test('refuses a register, and a list of revisions, that does not fit into an item', async () => {
    const small = await startServer('memcached', ['-m', '64']);
    const node = await MemcachedStateNode.connect({ id: 'node-1', ...small, namespace: 'small' });
    const life = await node.life();
    const self = memberName({ id: node.id, life });
    await node.apply(life, [swapOf(self, null, 'kept')]);
    await expect(node.apply(life, [swapOf(self, 'kept', 'x'.repeat(1_100_000))])).rejects.toMatchObject({ code: 'state_node_full', message: expect.stringContaining('slot 7') as string });
    expect(await node.apply(life, [readOf(self)])).toMatchObject([{ status: 'ok', heads: [{ head: 'kept' }] }]);
    const many = Array.from({ length: 300 }, (_, index) => revisionOf(`redis:0/{tag}:${index}:${'k'.repeat(4000)}`, 1, Buffer.from('same')));
    await expect(node.write(many)).rejects.toMatchObject({ code: 'state_node_full', message: expect.stringContaining('300 revisions') as string });
    expect(await node.stats()).toMatchObject({ elements: 0, bytes: 0 });
    const elsewhere = revisionOf('redis:0/elsewhere', 1, Buffer.from('same'));
    await expect(node.write([elsewhere, ...many])).rejects.toMatchObject({ code: 'state_node_full' });
    expect(await node.stats()).toMatchObject({ elements: 1, bytes: 4 });
    await node.write(many.slice(0, 20));
    await node.drop(many.slice(0, 20));
    expect(Buffer.from((await node.read([elsewhere]))[0] ?? []).toString()).toBe('same');
    await node.close();
    await small.stop();
  });
});

test('a Memcached that is not there, and what is none, are named', async () => {
  const port = await freePort();
  await expect(MemcachedStateNode.connect({ id: 'node-9', host: '127.0.0.1', port, namespace: 'x' })).rejects.toMatchObject({
    code: 'state_node_unreachable', message: expect.stringContaining(`127.0.0.1:${port}`) as string,
  });
});

function swapOf(self: string, expected: string | null, next: string): RegisterOperation {
  return { op: 'swap', slot: 7, entry: { incarnation: 0, epoch: 1, own: [self], old: [], joining: [], pull: 0 }, swaps: [{ key: a.key, expected, next }] };
}

function readOf(self: string): RegisterOperation {
  return { op: 'read', slot: 7, entry: { incarnation: 0, epoch: 1, own: [self], old: [], joining: [], pull: 0 }, keys: [a.key] };
}
