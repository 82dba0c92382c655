import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { afterAll, afterEach, expect, test } from 'vitest';
import { connectState, type ConnectedState, type ConnectionSettings } from '../src/clustering.ts';
import type { StateClient } from '../src/state-nodes/state-client.ts';
import { isInstalled, startServer, type RealServer, type StartedServer } from '../src/testing/real-servers.ts';
import { connectLoad, RunningCluster, unevenSlots, until, type ClusterLoad } from './support/cluster.ts';
import { Workshop, type RunningCommand } from './support/command-line.ts';
import { describeWith, freePort } from './support/example.ts';

const shop = new Workshop();
const namespace = 'cluster';
const ending: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end();
});
afterAll(async () => {
  const left = await shop.leftBehindAfter(3000);
  shop.remove();
  expect(left, 'processes or temporary files that nobody ended').toEqual([]);
});

async function server(program: RealServer): Promise<StartedServer> {
  const started = await startServer(program);
  ending.push(() => started.stop());
  return started;
}

/** So many redis-servers at once. */
async function servers<Count extends 2 | 4 | 5>(count: Count): Promise<Many[Count]> {
  return await Promise.all(Array.from({ length: count }, () => server('redis-server'))) as unknown as Many[Count];
}

type One = StartedServer;
interface Many {
  2: [One, One];
  4: [One, One, One, One];
  5: [One, One, One, One, One];
}

const urlOf = ({ port }: { readonly port: number }): string => `redis://127.0.0.1:${port}`;

function cluster(start: ConstructorParameters<typeof RunningCluster>[1]): RunningCluster {
  const running = new RunningCluster(shop, start);
  ending.push(() => running.stop());
  return running;
}

/** `foreshard node` on a port. */
async function nodeProcess(port: number): Promise<RunningCommand> {
  const node = shop.start(['node', '--port', String(port)]);
  ending.push(async () => {
    node.signal('SIGKILL');
    await node.ended;
  });
  await node.says(/foreshard:\/\//);
  return node;
}

async function load(settings: ConnectionSettings): ReturnType<typeof connectLoad> {
  const client = await connectLoad(settings);
  ending.push(() => client.close());
  return client;
}

async function connected(settings: ConnectionSettings): Promise<ConnectedState> {
  const client = await connectState(settings);
  ending.push(() => client.close());
  return client;
}

const textOf = (bytes: Uint8Array | null): string => (bytes === null ? 'nothing' : Buffer.from(bytes).toString());
const settled = (members: number) => ({ members: who, changing }: { readonly members: readonly string[]; readonly changing: number }): boolean => who.length === members && changing === 0;
const sound = { failedReads: [], wrong: [] };

/** Elements are read and written, whatever happens in between, and nothing may be lost or wrong. */
async function loaded(settings: Parameters<typeof load>[0], work: (running: ClusterLoad, connection: ConnectedState['connection']) => Promise<void>): Promise<void> {
  const { load: running, connection } = await load(settings);
  await running.start();
  await work(running, connection);
  expect(await running.stop()).toMatchObject(sound);
  await owningAlike(connection);
}

/** The owners of every slot hold the same revisions, as the state nodes themselves say. */
async function owningAlike({ view }: ConnectedState['connection']): Promise<void> {
  await until(async () => ((await unevenSlots(view.map, namespace)).uneven.length === 0 ? true : undefined), () => 'the owners of every slot to hold the same');
  expect((await unevenSlots(view.map, namespace)).used).toBeGreaterThan(40);
}

describeWith(isInstalled('redis-server'), 'redis-server')('a cluster on redis-servers', () => {
  test('replaces an owner that is killed, takes it in again when it is back empty, and takes a fourth', async () => {
    const [coordinator, one, two, three, four] = await servers(5);
    await four.kill();
    const watched = cluster({ stateNodes: [one, two, three, four].map(urlOf), coordinator: urlOf(coordinator), replicas: 2 });
    await watched.reaches(settled(3), 'a map of three members');
    await loaded({ coordinator: urlOf(coordinator), namespace }, async (running) => {
      await one.kill();
      const without = await watched.reaches(settled(2), 'a map without the one that was killed');
      await running.goesOn();
      await one.restart();
      const back = await watched.reaches(settled(3), 'a map with the one that is back');
      expect(back.members).toEqual(expect.arrayContaining([...without.members]));
      await running.goesOn();
      await two.kill(); // only what the first one has been given again survives this
      await watched.reaches(settled(2), 'a map without the second one that was killed');
      await running.goesOn();
      await four.restart();
      await watched.reaches(settled(3), 'a map with the fourth');
      await running.goesOn();
    });
    expect(watched.changes).toEqual(expect.arrayContaining(['node-1 dead', 'node-2 dead', 'node-4 up']));
    expect(await watched.stop()).toBe(0);
  });

  test('reads and writes go on while the coordinator is away, and go on again when it is back and has forgotten everything', async () => {
    const [coordinator, ...nodes] = await servers(4);
    const watched = cluster({ stateNodes: nodes.map(urlOf), coordinator: urlOf(coordinator), replicas: 2 });
    const before = await watched.reaches(settled(3), 'a map of three members');
    await loaded({ coordinator: urlOf(coordinator), namespace }, async (running) => {
      await coordinator.kill();
      for (let second = 0; second < 3; second++) {
        await delay(1000);
        await running.goesOn();
      }
      expect(running.counts.failedWrites).toEqual([]);
      await coordinator.restart();
      await watched.reaches((map) => map.incarnation > before.incarnation && settled(3)(map), 'a map of a new incarnation');
      await running.goesOn();
      await nodes[0]?.kill(); // and the cluster is as able as before
      await watched.reaches(settled(2), 'a map without the one that was killed');
      await running.goesOn();
    });
  });

  test('a second steward stands by, and takes over when the first is killed', async () => {
    const [coordinator, ...nodes] = await servers(4);
    const shared = { stateNodes: nodes.map(urlOf), coordinator: urlOf(coordinator), replicas: 2 };
    const first = cluster(shared);
    await first.reaches(settled(3), 'a map of three members');
    const second = cluster(shared);
    await second.reaches(settled(3), 'the second steward to know the map');
    await loaded({ coordinator: urlOf(coordinator), namespace }, async (running) => {
      first.command.signal('SIGKILL');
      await nodes[2]?.kill();
      await second.reaches(settled(2), 'the second steward to replace who was killed');
      await running.goesOn();
    });
  });

  test('three replicas: heads are read and written while one of three is gone', async () => {
    const [coordinator, ...nodes] = await servers(4);
    const watched = cluster({ stateNodes: nodes.map(urlOf), coordinator: urlOf(coordinator), replicas: 3 });
    await watched.reaches(settled(3), 'a map of three members');
    await loaded({ coordinator: urlOf(coordinator), namespace }, async (running) => {
      await nodes[1]?.kill();
      await running.goesOn();
      expect(running.counts.failedWrites).toEqual([]); // two of three are a quorum: nothing waits for a new map
      await watched.reaches(settled(2), 'a map without the one that was killed');
      await nodes[1]?.restart();
      await watched.reaches(settled(3), 'a map with the one that is back');
      await running.goesOn();
    });
  });

  test('what two clients write at the same time stands side by side until a resolver settles it', async () => {
    const [coordinator, ...nodes] = await servers(4);
    const watched = cluster({ stateNodes: nodes.map(urlOf), coordinator: urlOf(coordinator), replicas: 2, flags: ['--siblings'] });
    await watched.reaches(settled(3), 'a map of three members');
    const settings = { coordinator: urlOf(coordinator), namespace, order: 'siblings' as const };
    const [a, b] = await Promise.all([connected(settings), connected(settings)]);
    const keys = Array.from({ length: 20 }, (_, index) => `redis:0/basket:${index}:lines`);
    const write = (client: StateClient, who: string): Promise<void> => client.put(keys.map((key) => ({ key, bytes: Buffer.from(`${who} of ${key}`) })));
    await Promise.all([write(a.client, 'a'), write(b.client, 'b')]);
    await nodes[0]?.kill();
    await watched.reaches(settled(2), 'a map without the one that was killed');
    for (const { key, siblings } of await a.client.get(keys)) expect(siblings.map(textOf).sort()).toEqual([`a of ${key}`, `b of ${key}`]);

    const union = await connected({ ...settings, resolve: (_key, siblings) => Buffer.from(siblings.map(textOf).sort().join(' and ')) });
    for (const { key, bytes } of await union.client.get(keys)) expect(textOf(bytes)).toBe(`a of ${key} and b of ${key}`);
    for (const { key, siblings } of await b.client.get(keys)) expect(siblings.map(textOf)).toEqual([`a of ${key} and b of ${key}`]);

    const [seen] = await b.client.get(keys.slice(0, 1));
    await b.client.put([{ key: keys[0] as string, bytes: null, context: seen?.context ?? {} }]);
    expect((await a.client.get(keys.slice(0, 1)))[0]).toMatchObject({ bytes: null, siblings: [null] });
  });

  test.each([
    ['no coordinator', [], 2, /error usage a cluster needs a coordinator.*hint .*--coordinator redis:/s],
    ['a coordinator in the process', ['--coordinator', 'embedded', '--state-node', 'REDIS'], 2, /error config_invalid embedded is no coordinator that several processes can share.*hint .*redis:/s],
    ['an embedded state node', ['--coordinator', 'REDIS', '--state-node', 'embedded'], 2, /error usage an embedded state node lives in one process only.*hint .*--state-node/s],
    ['an unknown engine', ['--coordinator', 'REDIS', '--state-node', 'cassandra://127.0.0.1'], 2, /error config_invalid .*there is no engine of state nodes for cassandra:.*hint .*memcached:/s],
    ['a coordinator that does not answer', ['--coordinator', 'NOWHERE', '--state-node', 'REDIS'], 3, /error coordinator_unreachable .*127\.0\.0\.1:\d+.*ECONNREFUSED.*hint .*coordinator/s],
    ['a coordinator of a later release', ['--coordinator', 'REDIS', '--state-node', 'REDIS', '--namespace', 'later'], 2, /error recording_newer .*keeps format 9.*hint .*later release/s],
    ['a map of a later release', ['--coordinator', 'REDIS', '--state-node', 'REDIS', '--namespace', 'latermap'], 2, /error recording_newer .*shard-map has format 99.*hint .*later release/s],
    ['a namespace with foreign keys', ['--coordinator', 'REDIS', '--state-node', 'REDIS', '--namespace', 'theirs'], 3, /error namespace_foreign .*fs:theirs:sessions is not of a state node.*hint .*another namespace/s],
    ['replicas that are no number', ['--coordinator', 'REDIS', '--state-node', 'REDIS', '--replicas', 'many'], 2, /error usage .*--replicas/s],
  ])('%s: said with what to do', async (_what, flags, code, says) => {
    const redis = await server('redis-server');
    const client = new Redis(redis.port, '127.0.0.1');
    await client.hset('fs:later:c:state', 'format', '9', 'revision', '1', 'map', '{}');
    await client.hset('fs:latermap:c:state', 'format', '1', 'revision', '1', 'map', JSON.stringify({ kind: 'shard-map', formatVersion: 99 }));
    await client.set('fs:theirs:sessions', 'x');
    client.disconnect();
    const places: Readonly<Record<string, string>> = { REDIS: urlOf(redis), NOWHERE: urlOf({ port: await freePort() }) };
    const ended = await shop.run(['cluster', ...flags.map((flag) => places[flag] ?? flag)]);
    expect(ended.stderr).toMatch(says);
    expect(ended).toMatchObject({ code, stdout: '' });
  });
});

describeWith(isInstalled('redis-server') && isInstalled('memcached'), 'redis-server and memcached')('a cluster of different engines', () => {
  test('bears the loss of each of them in turn', async () => {
    const [coordinator, redis] = await servers(2);
    const memcached = await server('memcached');
    const port = await freePort();
    const node = await nodeProcess(port);
    const watched = cluster({ stateNodes: [urlOf(redis), `memcached://127.0.0.1:${memcached.port}`, `foreshard://127.0.0.1:${port}`], coordinator: urlOf(coordinator), replicas: 2 });
    await watched.reaches(settled(3), 'a map of three members');
    await loaded({ coordinator: urlOf(coordinator), namespace }, async (running) => {
      const killed = async (kill: () => Promise<unknown>, start: () => Promise<unknown>, what: string): Promise<void> => {
        await kill();
        await watched.reaches(settled(2), `a map without ${what}`);
        await running.goesOn();
        await start();
        await watched.reaches(settled(3), `a map with ${what} again`);
        await running.goesOn();
      };
      await killed(() => memcached.kill(), () => memcached.restart(), 'memcached');
      await killed(async () => {
        node.signal('SIGKILL');
        await node.ended;
      }, () => nodeProcess(port), 'the node process');
      await killed(() => redis.kill(), () => redis.restart(), 'redis');
    });
  });
});
