import { expect, test } from 'vitest';
import { slotOf } from '../model/directory.ts';
import { ForeshardError } from '../model/errors.ts';
import { memberName, shardMapFormatVersion, slotCount, type ShardMap } from '../model/shard-map.ts';
import { revisionOf } from '../testing/state-node-cases.ts';
import { ClusterView } from './cluster-view.ts';
import { EmbeddedStateNode } from './embedded-state-node.ts';
import { realTime } from './real-time.ts';
import { RevisionHandoff } from './revision-handoff.ts';
import type { StateNode } from './state-node.ts';

const keys = Array.from({ length: 300 }, (_, index) => `redis:0/k:${index}`);
const slots = [...new Set(keys.map(slotOf))];

/** Four members that hold nothing; all slots are owned by the first two. */
function clusterOf(): { nodes: EmbeddedStateNode[]; down: Set<string>; handoff: RevisionHandoff; names: string[] } {
  const members = ['a', 'b', 'c', 'd'].map((id) => ({ id, address: 'embedded', zone: id, capacity: 1, life: '1' }));
  const nodes = members.map(({ id }) => new EmbeddedStateNode({ id }));
  const down = new Set<string>();
  const open = async ({ id }: { id: string }): Promise<StateNode> => new Proxy(nodes.find((node) => node.id === id) as EmbeddedStateNode, {
    get: (target, name) => {
      if (name !== 'then' && down.has(id)) return () => Promise.reject(new ForeshardError('state_node_unreachable', `${id} is away`));
      const value: unknown = Reflect.get(target, name);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
  const view = new ClusterView({ coordinator: undefined as never, open, timing: realTime });
  const map: ShardMap = {
    kind: 'shard-map', formatVersion: shardMapFormatVersion, incarnation: 0, epoch: 1, members, sets: [[0, 1]], slots: new Uint16Array(slotCount), ages: new Uint8Array(slotCount), overrides: new Map(), changes: new Map(),
  };
  view.accept(map, 1);
  return { nodes, down, handoff: new RevisionHandoff({ view, timing: realTime }), names: members.map(memberName) };
}

const held = async (node: EmbeddedStateNode | undefined): Promise<number> => (await node?.stats())?.elements ?? 0;
const entry = { incarnation: 0, epoch: 1, old: [], joining: [], pull: 0 };
const written = keys.map((key, index) => revisionOf(key, 1, Buffer.from(`v${index}`)));

test('owners get what any of them has', async () => {
  const { nodes, handoff, names } = clusterOf();
  await nodes[0]?.write(written.slice(0, 200));
  await nodes[1]?.write(written.slice(100));
  const tasks = slots.map((slot) => ({ slot, entry: { ...entry, own: names.slice(0, 2) } }));
  expect((await handoff.level(tasks)).size).toBe(slots.length);
  expect([await held(nodes[0]), await held(nodes[1])]).toEqual([300, 300]);
  expect(handoff.stats.copied).toBe(200);
  await handoff.level(tasks);
  expect(handoff.stats.copied).toBe(200);
});

test('a joiner gets it from old owners, and while it cannot be asked its change goes on', async () => {
  const { nodes, down, handoff, names } = clusterOf();
  await nodes[0]?.write(written);
  const tasks = slots.map((slot) => ({ slot, entry: { ...entry, own: [names[1] as string, names[2] as string], old: names.slice(0, 2), joining: [names[2] as string], pull: 1 } }));
  down.add('c');
  expect((await handoff.level(tasks)).size).toBe(0);
  down.delete('c');
  down.add('b');
  expect((await handoff.level(tasks)).size).toBe(slots.length);
  expect([await held(nodes[1]), await held(nodes[2])]).toEqual([300, 300]);
});

test('a former owner forgets only what all owners have', async () => {
  const { nodes, down, handoff, names } = clusterOf();
  await nodes[0]?.write(written);
  const tasks = slots.map((slot) => ({ slot, entry: { ...entry, own: [names[1] as string, names[2] as string] } }));
  const former = new Map(slots.map((slot) => [slot, [names[0] as string]]));
  down.add('c');
  expect(await handoff.release(tasks, former)).toEqual([]);
  expect(await held(nodes[0])).toBe(300);
  down.delete('c');
  expect((await handoff.release(tasks, former)).length).toBe(slots.length);
  expect(await Promise.all(nodes.map(held))).toEqual([0, 300, 300, 0]);
});
