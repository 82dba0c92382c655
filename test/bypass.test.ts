import { createServer, type AddressInfo, type Server } from 'node:net';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { namespaceSupport } from '../src/lanes/namespace.ts';
import { verdicts, Workshop } from './support/command-line.ts';
import { describeWith, pythonWithRedis, redisServerPath, root, startRedis } from './support/example.ts';

const service = join(root, 'test/fixtures/bypass/service.py');
const python = pythonWithRedis();
const namespaces = await namespaceSupport() !== null;

describeWith(redisServerPath !== undefined && python !== undefined && namespaces, 'redis-server, python3-redis or network namespaces')('an address in the code that the environment happens to speak of', () => {
  const shop = new Workshop();
  let redis: Awaited<ReturnType<typeof startRedis>>;
  let client: Redis;
  let other: Server;
  let env: Record<string, string>;

  beforeAll(async () => {
    redis = await startRedis();
    client = new Redis(redis.port);
    env = { REDIS_URL: `redis://127.0.0.1:${redis.port}` };
    other = createServer((socket) => socket.on('data', () => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 5\r\nconnection: close\r\n\r\nhello')));
    await new Promise<void>((done) => other.listen(0, '127.0.0.1', done));
  });
  afterAll(async () => {
    client.disconnect();
    other.close();
    await redis.stop();
    shop.remove();
  });

  test('is found out; what went past is named, the rest is recorded and replayed without touching the server', async () => {
    const { port } = other.address() as AddressInfo;
    const command = (fault: string): string[] => [python as string, service, String(redis.port), fault, String(port)];
    const ended = await shop.record(['-r', 'past', '--redis', env['REDIS_URL'] as string, '--', ...command('none')], async (url) => {
      for (let round = 1; round <= 4; round++) expect(await (await fetch(`${url}/count`, { method: 'POST' })).text()).toBe(`${round} hello`);
    }, env);
    expect(ended, ended.stderr).toMatchObject({ code: 0 });
    expect(JSON.parse(readFileSync(shop.path('past', 'manifest.json'), 'utf8'))).toMatchObject({ ownNetwork: true });
    const listed = (await shop.run(['list', '-r', 'past'], env)).stdout;
    expect(listed).toMatch(/went past the gateways.*in a network of its own/);
    expect((await shop.run(['inspect', 'r000001', '-r', 'past'], env)).stdout).toMatch(/direct_connection/);

    await client.set('count', 100);
    const { code, report, stderr } = await shop.replay(['-r', 'past'], env);
    expect(stderr).toMatch(/self-replay 3\/4.*r000001 POST \/count/s);
    expect(report.totals, stderr).toMatchObject({ same: 4 });
    expect(code).toBe(0);
    const broken = await shop.replay(['-r', 'past', '--candidate', command('expiry').join(' ')], env);
    expect(broken.code).toBe(1);
    expect(Object.values(verdicts(broken.report)).filter((verdict) => verdict === 'differs').length, broken.stderr).toBeGreaterThan(0);
    expect(await client.get('count')).toBe('100');
  });
});
