import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ControlConnection } from '../gateways/redis/upstream-control.ts';
import { revisionOf, stateNodeCases } from '../testing/state-node-cases.ts';
import { EmbeddedStateNode } from './embedded-state-node.ts';
import { RedisStateNode } from './redis-state-node.ts';

const equal = (actual: unknown, expected: unknown): void => expect(actual).toEqual(expected);

describe('the embedded state node', () => {
  stateNodeCases(async () => new EmbeddedStateNode({ id: 'node-1' }), { test, equal });

  test('is full at its limit, without keeping a part', async () => {
    const node = new EmbeddedStateNode({ id: 'node-1', maxBytes: 10 });
    await node.write([revisionOf('redis:0/a', 1, Buffer.from('12345678'))]);
    await node.write([revisionOf('redis:0/b', 1, Buffer.from('12345678'))]); // equal bytes cost nothing
    await expect(node.write([revisionOf('redis:0/c', 1, Buffer.from('x')), revisionOf('redis:0/d', 1, Buffer.from('yyy'))])).rejects.toMatchObject({ code: 'state_node_full' });
    expect(await node.stats()).toMatchObject({ elements: 2, bytes: 8, errors: 1 });
    await node.drop([{ key: 'redis:0/a', revision: 1 }, { key: 'redis:0/b', revision: 1 }]);
    expect(await node.stats()).toMatchObject({ elements: 0, bytes: 0 });
  });
});

const installed = spawnSync('redis-server', ['--version']).status === 0;
if (!installed && process.env['CI'] !== undefined) throw new Error('redis-server is not installed, and in CI nothing is skipped');
if (!installed) console.warn('SKIPPED: the Redis state node, for want of a redis-server');

describe.skipIf(!installed)('the Redis state node', () => {
  let server: ChildProcess;
  let folder: string;
  let port: number;
  let namespaces = 0;
  const open = (options: { onClose?: 'keep'; namespace?: string } = {}): Promise<RedisStateNode> =>
    RedisStateNode.connect({ id: 'node-1', host: '127.0.0.1', port, namespace: `test-${++namespaces}`, ...options });

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'foreshard-node-'));
    port = await freePort();
    server = spawn('redis-server', ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--dir', folder], { stdio: 'ignore' });
    for (let tries = 0; ; tries++) {
      try {
        (await ControlConnection.open({ host: '127.0.0.1', port })).close();
        return;
      } catch (error) {
        if (tries > 100) throw error;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }
  });
  afterAll(() => {
    server.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  });

  stateNodeCases(() => open(), { test, equal });

  test('leaves nothing behind, touches nothing of others, and lets everything expire', async () => {
    const control = await ControlConnection.open({ host: '127.0.0.1', port });
    await control.one('SET', 'theirs', 'x');
    const node = await open();
    await node.write([revisionOf('redis:0/a', 1, Buffer.from('abc'))]);
    for (const key of (await control.one('KEYS', 'fs:*')) as string[]) expect(await control.one('PTTL', key)).toBeGreaterThan(1000);
    await node.close();
    expect(await control.one('KEYS', '*')).toEqual(['theirs']);
    control.close();
  });

  test('gives no byte that was changed behind its back', async () => {
    const node = await open({ namespace: 'changed' });
    await node.write([revisionOf('redis:0/a', 1, Buffer.from('abc'))]);
    const control = await ControlConnection.open({ host: '127.0.0.1', port });
    await control.one('SETRANGE', 'fs:changed:v:1 redis:0/a', '65', 'X');
    expect(await node.read([{ key: 'redis:0/a', revision: 1 }])).toEqual([undefined]);
    expect((await node.stats()).errors).toBe(1);
    control.close();
    await node.close();
  });

  test('connects again after its connection was lost', async () => {
    const node = await open();
    await node.write([revisionOf('redis:0/a', 1, Buffer.from('abc'))]);
    const control = await ControlConnection.open({ host: '127.0.0.1', port });
    await control.one('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    await new Promise((resolve) => setTimeout(resolve, 50));
    const read = (): Promise<(Uint8Array | undefined)[]> => node.read([{ key: 'redis:0/a', revision: 1 }]);
    await read().catch((error: unknown) => expect(error).toMatchObject({ code: 'state_node_unreachable' }));
    expect(Buffer.from((await read())[0] ?? []).toString()).toBe('abc');
    control.close();
    await node.close();
  });

  test('is full when Redis is out of memory', async () => {
    const control = await ControlConnection.open({ host: '127.0.0.1', port });
    const node = await open();
    await control.one('CONFIG', 'SET', 'maxmemory', '1');
    await expect(node.write([revisionOf('redis:0/a', 1, Buffer.from('abc'))])).rejects.toMatchObject({ code: 'state_node_full' });
    await control.one('CONFIG', 'SET', 'maxmemory', '0');
    control.close();
    await node.close();
  });
});

test('a Redis that is not there is named', async () => {
  const port = await freePort();
  await expect(RedisStateNode.connect({ id: 'node-9', host: '127.0.0.1', port, namespace: 'x' })).rejects.toMatchObject({
    code: 'state_node_unreachable', message: expect.stringContaining(`127.0.0.1:${port}`) as string,
  });
});

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
  const address = probe.address();
  await new Promise((resolve) => probe.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
