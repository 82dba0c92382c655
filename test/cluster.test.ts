import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { afterAll, afterEach, expect, test } from 'vitest';
import { connectState, type ConnectedState, type ConnectionSettings } from '../src/clustering.ts';
import { memberName } from '../src/model/shard-map.ts';
import type { StateClient } from '../src/state-nodes/state-client.ts';
import { isInstalled, startServer, type RealServer, type StartedServer } from '../src/testing/real-servers.ts';
import { connectLoad, owned, RunningCluster, unevenSlots, until, type ClusterLoad } from './support/cluster.ts';
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
const ofMembers = (count: number) => ({ members }: { readonly members: readonly string[] }): boolean => members.length === count;
const without = (id: string) => (owners: readonly string[]): boolean => !owners.some((name) => name.startsWith(`${id}@`));
const withNew = (id: string, before: readonly string[] = []) => (owners: readonly string[]): boolean => owners.some((name) => name.startsWith(`${id}@`) && !before.includes(name));
const sound = { failedReads: [], wrong: [] };

interface Loaded {
  readonly running: ClusterLoad;
  /** Waits until the member owns none of the elements any more, and until it does in a life that it had not before; then for reads and writes that go on. */
  gone(id: string): Promise<void>;
  joined(id: string): Promise<void>;
}

/** Elements are read and written, whatever happens in between, and nothing may be lost or wrong. */
async function loaded(settings: ConnectionSettings, work: (loaded: Loaded) => Promise<void>): Promise<void> {
  const { load: running, connection } = await load(settings);
  const { keys } = running;
  const lives = new Set<string>(connection.view.map.members.map(memberName));
  await running.start();
  await work({
    running,
    gone: async (id) => {
      await owned(connection, keys, without(id), `the elements to be without ${id}`);
      await running.goesOn();
    },
    joined: async (id) => {
      await owned(connection, keys, withNew(id, [...lives]), `${id} to own elements`);
      for (const member of connection.view.map.members) lives.add(memberName(member));
      await running.goesOn();
    },
  });
  expect(await running.stop()).toMatchObject(sound);
  await until(async () => ((await unevenSlots(connection, keys, namespace)).length === 0 ? true : undefined), () => 'the owners of every element to hold the same');
}

describeWith(isInstalled('redis-server'), 'redis-server')('a cluster on redis-servers', () => {
  test('replaces an owner that is killed, takes it in again when it is back empty, and takes a fourth', async () => {
    const [coordinator, one, two, three, four] = await servers(5);
    await four.kill();
    const watched = cluster({ stateNodes: [one, two, three, four].map(urlOf), coordinator: urlOf(coordinator), replicas: 2 });
    await watched.reaches(ofMembers(3), 'a map of three members');
    await loaded({ coordinator: urlOf(coordinator), namespace }, async ({ gone, joined }) => {
      await one.kill();
      await gone('node-1');
      await one.restart();
      await joined('node-1');
      await two.kill(); // only what the first one has been given again survives this
      await gone('node-2');
      await four.restart();
      await joined('node-4');
    });
    expect(watched.changes).toEqual(expect.arrayContaining(['node-1 dead', 'node-2 dead', 'node-4 up']));
    expect(await watched.stop()).toBe(0);
  }, 180_000);

  test('reads and writes go on while the coordinator is away, and go on again when it is back and has forgotten everything', async () => {
    const [coordinator, ...nodes] = await servers(4);
    const watched = cluster({ stateNodes: nodes.map(urlOf), coordinator: urlOf(coordinator), replicas: 2 });
    const before = await watched.reaches(ofMembers(3), 'a map of three members');
    await loaded({ coordinator: urlOf(coordinator), namespace }, async ({ running, gone }) => {
      await coordinator.kill();
      for (let second = 0; second < 3; second++) {
        await delay(1000);
        await running.goesOn();
      }
      expect(running.counts.failedWrites).toEqual([]);
      await coordinator.restart();
      await watched.reaches((map) => map.incarnation > before.incarnation, 'a map of a new incarnation');
      await running.goesOn();
      await nodes[0]?.kill(); // and the cluster is as able as before
      await gone('node-1');
    });
  }, 180_000);

  test('a second steward stands by, and takes over when the first is killed', async () => {
    const [coordinator, ...nodes] = await servers(4);
    const shared = { stateNodes: nodes.map(urlOf), coordinator: urlOf(coordinator), replicas: 2 };
    const first = cluster(shared);
    await first.reaches(ofMembers(3), 'a map of three members');
    const second = cluster(shared);
    await second.reaches(ofMembers(3), 'the second steward to know the map');
    await loaded({ coordinator: urlOf(coordinator), namespace }, async ({ gone }) => {
      first.command.signal('SIGKILL');
      await nodes[2]?.kill();
      await gone('node-3');
    });
  }, 180_000);

  test('three replicas: heads are read and written while one of three is gone', async () => {
    const [coordinator, ...nodes] = await servers(4);
    const watched = cluster({ stateNodes: nodes.map(urlOf), coordinator: urlOf(coordinator), replicas: 3 });
    await watched.reaches(ofMembers(3), 'a map of three members');
    await loaded({ coordinator: urlOf(coordinator), namespace }, async ({ running, gone, joined }) => {
      await nodes[1]?.kill();
      await running.goesOn();
      expect(running.counts.failedWrites).toEqual([]); // two of three are a quorum: nothing waits for a new map
      await gone('node-2');
      await nodes[1]?.restart();
      await joined('node-2');
    });
  }, 180_000);

  test('what two clients write at the same time stands side by side until a resolver settles it', async () => {
    const [coordinator, ...nodes] = await servers(4);
    const watched = cluster({ stateNodes: nodes.map(urlOf), coordinator: urlOf(coordinator), replicas: 2, flags: ['--siblings'] });
    await watched.reaches(ofMembers(3), 'a map of three members');
    const settings = { coordinator: urlOf(coordinator), namespace, order: 'siblings' as const };
    const [a, b] = await Promise.all([connected(settings), connected(settings)]);
    const keys = Array.from({ length: 20 }, (_, index) => `redis:0/basket:${index}:lines`);
    const write = (client: StateClient, who: string): Promise<void> => client.put(keys.map((key) => ({ key, bytes: Buffer.from(`${who} of ${key}`) })));
    await Promise.all([write(a.client, 'a'), write(b.client, 'b')]);
    await nodes[0]?.kill();
    await owned(a.connection, keys, without('node-1'), 'the elements to be without node-1');
    for (const { key, siblings } of await a.client.get(keys)) expect(siblings.map(textOf).sort()).toEqual([`a of ${key}`, `b of ${key}`]);

    const union = await connected({ ...settings, resolve: (_key, siblings) => Buffer.from(siblings.map(textOf).sort().join(' and ')) });
    for (const { key, bytes } of await union.client.get(keys)) expect(textOf(bytes)).toBe(`a of ${key} and b of ${key}`);
    for (const { key, siblings } of await b.client.get(keys)) expect(siblings.map(textOf)).toEqual([`a of ${key} and b of ${key}`]);

    const [seen] = await b.client.get(keys.slice(0, 1));
    await b.client.put([{ key: keys[0] as string, bytes: null, context: seen?.context ?? {} }]);
    expect((await a.client.get(keys.slice(0, 1)))[0]).toMatchObject({ bytes: null, siblings: [null] });
  }, 180_000);

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
  test('bears the loss of one after the other', async () => {
    const [coordinator, redis] = await servers(2);
    const memcached = await server('memcached');
    const port = await freePort();
    const node = await nodeProcess(port);
    const watched = cluster({ stateNodes: [urlOf(redis), `memcached://127.0.0.1:${memcached.port}`, `foreshard://127.0.0.1:${port}`], coordinator: urlOf(coordinator), replicas: 2 });
    await watched.reaches(ofMembers(3), 'a map of three members');
    await loaded({ coordinator: urlOf(coordinator), namespace }, async ({ gone, joined }) => {
      const killed = async (id: string, kill: () => Promise<unknown>, start: () => Promise<unknown>): Promise<void> => {
        await kill();
        await gone(id);
        await start();
        await joined(id);
      };
      await killed('node-2', () => memcached.kill(), () => memcached.restart());
      await killed('node-3', async () => {
        node.signal('SIGKILL');
        await node.ended;
      }, () => nodeProcess(port));
    });
  }, 180_000);
});
