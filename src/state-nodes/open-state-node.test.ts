import { createServer, type AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { isInstalled, freePort, startServer, type StartedServer } from '../testing/real-servers.ts';
import { revisionOf } from '../testing/state-node-cases.ts';
import { parseNodeAddress } from './node-address.ts';
import { openStateNode } from './open-state-node.ts';

const item = revisionOf('redis:0/a', 1, Buffer.from('abc'));

test('reads addresses', () => {
  expect(parseNodeAddress('embedded')).toEqual({ engine: 'embedded' });
  expect(parseNodeAddress('redis://10.0.0.1')).toEqual({ engine: 'redis', host: '10.0.0.1', port: 6379, database: 0 });
  expect(parseNodeAddress('rediss://us%40er:p%2Fw@host:7/3')).toEqual({ engine: 'redis', host: 'host', port: 7, database: 3, username: 'us@er', password: 'p/w', tls: true });
  expect(parseNodeAddress('memcached://[::1]:5')).toEqual({ engine: 'memcached', host: '::1', port: 5 });
  expect(parseNodeAddress('memcached://host')).toEqual({ engine: 'memcached', host: 'host', port: 11_211 });
  expect(parseNodeAddress('foreshard://host:7070')).toEqual({ engine: 'foreshard', host: 'host', port: 7070 });
});

test('says which engines there are when an address names none, without its password', () => {
  for (const address of ['cassandra://user:secret@host:9042', 'memcached://', 'redis', 'redis://user:secret@host/x', '']) {
    expect(() => parseNodeAddress(address)).toThrow(expect.objectContaining({ code: 'config_invalid', hint: expect.stringContaining('memcached://') as string }) as Error);
    expect(() => parseNodeAddress(address)).not.toThrow(/secret/);
  }
});

test('opens an embedded node with its limit', async () => {
  const node = await openStateNode({ id: 'n', address: 'embedded' }, { namespace: 'x', maxBytes: 2 });
  await expect(node.write([item])).rejects.toMatchObject({ code: 'state_node_full' });
  await node.close();
});

test.each(['redis', 'memcached'])('says where a %s was looked for that does not answer, and what to do', async (engine) => {
  const port = await freePort();
  await expect(openStateNode({ id: 'n', address: `${engine}://127.0.0.1:${port}` }, { namespace: 'x' })).rejects.toMatchObject({
    code: 'state_node_unreachable', message: expect.stringContaining(`127.0.0.1:${port}`) as string, hint: expect.stringContaining('Start it') as string,
  });
});

test.each(['redis', 'memcached'])('gives up on a %s that takes the connection and says nothing', async (engine) => {
  const silent = createServer();
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  const { port } = silent.address() as AddressInfo;
  await expect(openStateNode({ id: 'n', address: `${engine}://127.0.0.1:${port}` }, { namespace: 'x', timeoutMs: 50 })).rejects.toMatchObject({
    code: 'state_node_unreachable', message: expect.stringContaining('no answer within 50 ms') as string,
  });
  silent.close();
});

describe.each(['redis-server', 'memcached'] as const)('%s', (program) => {
  describe.skipIf(!isInstalled(program))('by its address', () => {
    let server: StartedServer;
    beforeAll(async () => {
      server = await startServer(program);
    });
    afterAll(() => server.stop());

    test('keeps a namespace that is told to be kept, and no other', async () => {
      const address = `${program === 'memcached' ? 'memcached' : 'redis'}://127.0.0.1:${server.port}`;
      for (const [onClose, found] of [['keep', 'abc'], ['clear', undefined]] as const) {
        const node = await openStateNode({ id: 'n', address }, { namespace: onClose, onClose });
        await node.write([item]);
        await node.close();
        const again = await openStateNode({ id: 'n', address }, { namespace: onClose });
        expect((await again.read([item])).map((bytes) => bytes && Buffer.from(bytes).toString())).toEqual([found]);
        await again.close();
      }
    });
  });
});
