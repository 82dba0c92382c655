import { afterEach, expect, test } from 'vitest';
import { slotOf } from '../model/directory.ts';
import { ForeshardError } from '../model/errors.ts';
import { memberName, shardMapFormatVersion, slotCount, type Member, type ShardMap } from '../model/shard-map.ts';
import { revisionOf } from '../testing/state-node-cases.ts';
import { ClusterConnection, ClusterSteward } from './cluster.ts';
import { EmbeddedCoordinator } from './embedded-coordinator.ts';
import { EmbeddedStateNode } from './embedded-state-node.ts';
import { namesOf } from './map-changes.ts';
import { realTime } from './real-time.ts';
import { StateClient } from './state-client.ts';
import type { StateNode } from './state-node.ts';

/** Nodes that can be away, and come back without their memory. */
class Nodes {
  readonly #nodes = new Map<string, EmbeddedStateNode>();
  readonly #lives = new Map<string, number>();
  readonly away = new Set<string>();

  restart(id: string): void {
    const life = (this.#lives.get(id) ?? 0) + 1;
    this.#lives.set(id, life);
    this.#nodes.set(id, new EmbeddedStateNode({ id, life: String(life) }));
    this.away.delete(id);
  }

  readonly open = async ({ id }: Member): Promise<StateNode> => {
    if (!this.#nodes.has(id)) this.restart(id);
    return new Proxy({} as StateNode, {
      get: (_, name) => {
        if (name === 'then') return undefined;
        if (name === 'id') return id;
        if (name === 'close') return async () => {};
        if (this.away.has(id)) return () => Promise.reject(new ForeshardError('state_node_unreachable', `${id} is away`));
        const node = this.#nodes.get(id) as EmbeddedStateNode;
        const value: unknown = Reflect.get(node, name);
        return typeof value === 'function' ? (value.bind(node) as unknown) : value;
      },
    });
  };
}

/** Two owners for every slot, by the number of the slot: the members there are, in turn. */
function inTurn(members: readonly Member[], current: ShardMap | undefined): ShardMap {
  const sets = members.map((_, index) => [index, (index + 1) % members.length]);
  return {
    kind: 'shard-map', formatVersion: shardMapFormatVersion, incarnation: 0, epoch: (current?.epoch ?? 0) + 1, members, sets, slots: Uint16Array.from({ length: slotCount }, (_, slot) => slot % sets.length),
    ages: new Uint8Array(slotCount), overrides: new Map(), changes: new Map(),
  };
}

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function startCluster(ids: readonly string[], more: { usesHeads?: boolean; place?: typeof inTurn } = {}): Promise<{ nodes: Nodes; coordinator: EmbeddedCoordinator; steward: ClusterSteward; connection: ClusterConnection; client: StateClient }> {
  const nodes = new Nodes();
  const coordinator = new EmbeddedCoordinator({ now: realTime.now });
  const members = ids.map((id) => ({ id, address: 'embedded', zone: id, capacity: 1 }));
  const steward = new ClusterSteward({ coordinator, open: nodes.open, members, name: 's', place: inTurn, roundMs: 10, membership: { intervalMs: 50 }, ...more });
  await steward.start();
  closing.push(() => steward.stop());
  const connection = await ClusterConnection.open({ coordinator, open: nodes.open });
  closing.push(() => connection.close());
  return { nodes, coordinator, steward, connection, client: clientOf(connection, 'c') };
}

function clientOf(connection: ClusterConnection, name: string): StateClient {
  return new StateClient({ view: connection.view, router: connection.router, timing: realTime, name, deadlineMs: 20_000 });
}

const keys = Array.from({ length: 60 }, (_, index) => `redis:0/k:${index}`);
const ownersOf = (steward: ClusterSteward, key: string): string[] => namesOf(steward.map as ShardMap, steward.map?.slots[slotOf(key)] as number);

test('an owner that dies is replaced, what it held is copied, and what is written meanwhile stays', async () => {
  const { nodes, steward, client } = await startCluster(['a', 'b', 'c']);
  await client.put(keys.map((key) => ({ key, bytes: Buffer.from(`1 ${key}`) })));
  nodes.away.add('b');
  const reads = await client.get(keys);
  expect(reads.map(({ bytes }) => Buffer.from(bytes ?? []).toString())).toEqual(keys.map((key) => `1 ${key}`));
  await client.put(keys.map((key) => ({ key, bytes: Buffer.from(`2 ${key}`) })));
  await steward.settled(30_000);
  expect(keys.every((key) => !ownersOf(steward, key).includes('b@1') && ownersOf(steward, key).length === 2)).toBe(true);
  nodes.restart('b');
  await expect.poll(() => keys.some((key) => ownersOf(steward, key).includes('b@2')), { timeout: 20_000 }).toBe(true);
  await steward.settled(30_000);
  nodes.away.add('a');
  expect((await client.get(keys)).map(({ bytes }) => Buffer.from(bytes ?? []).toString())).toEqual(keys.map((key) => `2 ${key}`));
});

test('without heads revisions follow their owners all the same', async () => {
  const { nodes, steward, connection } = await startCluster(['a', 'b', 'c'], { usesHeads: false });
  const written = keys.map((key) => revisionOf(key, 1, Buffer.from(key)));
  await connection.router.publish(written);
  nodes.away.add('c');
  await expect.poll(() => steward.map?.members.map(memberName), { timeout: 20_000 }).not.toContain('c@1');
  await steward.settled(30_000);
  const texts = async (): Promise<string[]> => (await connection.router.fetch(written)).map((bytes) => Buffer.from(bytes ?? []).toString());
  nodes.restart('c');
  await expect.poll(() => keys.some((key) => ownersOf(steward, key).includes('c@2')), { timeout: 20_000 }).toBe(true);
  await steward.settled(30_000);
  // What c held in its first life is no longer its to give up: in its second it owns some of it again.
  const rounds = steward.stats.steward.released;
  await expect.poll(() => steward.stats.steward.released > rounds || steward.map?.members.length === 3, { timeout: 5000 }).toBe(true);
  for (const id of ['a', 'b', 'c']) {
    nodes.away.add(id);
    expect(await texts()).toEqual(keys);
    nodes.away.delete(id);
  }
});

test('bytes reach the owners that acknowledge the head, though the client missed that they changed', async () => {
  let use = ['a', 'b'];
  const { nodes, coordinator, steward, client } = await startCluster(['a', 'b', 'c', 'd'], { place: (members, current) => inTurn(members.filter(({ id }) => use.includes(id)), current) });
  const deaf = new Proxy(coordinator, { get: (target, name) => (name === 'watch' ? () => () => {} : (Reflect.get(target, name) as () => unknown).bind(target)) });
  const late = await ClusterConnection.open({ coordinator: deaf, open: nodes.open });
  closing.push(() => late.close());
  const old = clientOf(late, 'late');
  const key = keys[0] as string;
  await old.put([{ key, bytes: Buffer.from('before') }]);
  use = ['c', 'd'];
  steward.replan();
  await expect.poll(() => ownersOf(steward, key).every((name) => ['c@1', 'd@1'].includes(name)), { timeout: 30_000 }).toBe(true);
  await steward.settled(30_000);
  await old.put([{ key, bytes: Buffer.from('after') }]);
  for (const id of ['a', 'b']) nodes.away.add(id);
  expect((await client.get([key])).map(({ bytes }) => Buffer.from(bytes ?? []).toString())).toEqual(['after']);
});
