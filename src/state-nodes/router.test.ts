import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { ForeshardError } from '../model/errors.ts';
import { shardMapFormatVersion, slotCount, type ShardMap } from '../model/shard-map.ts';
import { slotOf } from '../model/directory.ts';
import { revisionOf } from '../testing/state-node-cases.ts';
import { EmbeddedStateNode } from './embedded-state-node.ts';
import { StateRouter } from './router.ts';
import type { RevisionName, StateNode } from './state-node.ts';

/** Three members; each slot on `sets[slot % sets.length]`. */
function mapOf(sets: readonly (readonly number[])[]): ShardMap {
  const members = [0, 1, 2].map((index) => ({ id: `m${index}`, address: 'embedded', zone: 'z', capacity: 1 }));
  return {
    kind: 'shard-map', formatVersion: shardMapFormatVersion, incarnation: 0, epoch: 1, members, sets,
    slots: Uint16Array.from({ length: slotCount }, (_, slot) => slot % sets.length), overrides: new Map(),
    ages: new Uint8Array(slotCount), changes: new Map(),
  };
}

class CountingNode extends EmbeddedStateNode {
  calls = 0;
  failing = false;

  override async read(items: readonly RevisionName[]): Promise<(Uint8Array | undefined)[]> {
    this.calls += 1;
    if (this.failing) throw new ForeshardError('state_node_unreachable', 'gone');
    return super.read(items);
  }
}

function nodesOf(): { nodes: CountingNode[]; byId: Map<string, StateNode> } {
  const nodes = [0, 1, 2].map((index) => new CountingNode({ id: `m${index}` }));
  return { nodes, byId: new Map(nodes.map((node) => [node.id, node])) };
}

const items = Array.from({ length: 60 }, (_, index) => revisionOf(`redis:0/k:${index}`, 1, Buffer.from(`v${index}`)));
const texts = (found: readonly (Uint8Array | undefined)[]): (string | undefined)[] => found.map((bytes) => bytes && Buffer.from(bytes).toString());
const allTexts = items.map((_, index) => `v${index}`);

test('writes to every owner and reads in the order asked for', async () => {
  const { nodes, byId } = nodesOf();
  const router = new StateRouter(mapOf([[0, 1], [1, 2], [2, 0]]), byId);
  await router.publish(items);
  const held = await Promise.all(nodes.map(async (node) => (await node.stats()).elements));
  expect(held.reduce((sum, count) => sum + count, 0)).toBe(items.length * 2);
  expect(texts(await router.fetch([...items].reverse()))).toEqual([...allTexts].reverse());
});

test('asks as few nodes as hold everything, and each revision once', async () => {
  const { nodes, byId } = nodesOf();
  const router = new StateRouter(mapOf([[0, 1], [1, 2], [1, 0]]), byId);
  await router.publish(items);
  expect(texts(await router.fetch([...items, ...items]))).toEqual([...allTexts, ...allTexts]);
  expect(nodes.map((node) => node.calls)).toEqual([0, 1, 0]);
  expect((await nodes[1]?.stats())?.reads).toBe(items.length);
});

test('finds what is asked for twice when it lies on several nodes', async () => {
  const { byId } = nodesOf();
  const router = new StateRouter(mapOf([[0], [1], [2]]), byId);
  await router.publish(items);
  const some = items.slice(0, 6);
  expect(texts(await router.fetch([...some, ...some.slice(2, 4)]))).toEqual([...allTexts.slice(0, 6), ...allTexts.slice(2, 4)]);
  expect(texts(await router.fetch([...items, ...items]))).toEqual([...allTexts, ...allTexts]);
});

test('goes on to the next replica when a node fails or has lost a revision', async () => {
  const { nodes, byId } = nodesOf();
  const router = new StateRouter(mapOf([[0, 1], [1, 2], [2, 0]]), byId);
  await router.publish(items);
  for (let first = 0; first < 3; first++) {
    for (const [index, node] of nodes.entries()) node.failing = index === first;
    expect(texts(await router.fetch(items))).toEqual(allTexts);
  }
  for (const node of nodes) node.failing = false;
  await (nodes[2] as CountingNode).drop(items.filter((item) => slotOf(item.key) % 3 === 2).slice(0, 5));
  expect(texts(await router.fetch(items))).toEqual(allTexts);
  expect(router.stats.failures).toBeGreaterThan(0);
  expect(router.stats.missing).toBe(0);
});

test('says undefined, not absent, when no owner has a revision', async () => {
  const { nodes, byId } = nodesOf();
  const router = new StateRouter(mapOf([[0, 1]]), byId);
  await router.publish(items.slice(0, 2));
  expect(texts(await router.fetch(items.slice(1, 3)))).toEqual(['v1', undefined]);
  for (const node of nodes) node.failing = true;
  expect(await router.fetch(items.slice(0, 1))).toEqual([undefined]);
  expect(router.stats.missing).toBe(2);
});

test('publishes where one owner fails, and refuses where all do', async () => {
  const { byId } = nodesOf();
  byId.set('m0', new EmbeddedStateNode({ id: 'm0', maxBytes: 0 }));
  await new StateRouter(mapOf([[0, 1]]), byId).publish(items);
  await expect(new StateRouter(mapOf([[0]]), byId).publish(items)).rejects.toMatchObject({ code: 'state_node_full' });
  await expect(new StateRouter(mapOf([[0]]), new Map()).publish(items)).rejects.toMatchObject({ code: 'state_node_unreachable' });
});

test('spreads reads that are on their way over replicas', async () => {
  const { nodes, byId } = nodesOf();
  const router = new StateRouter(mapOf([[0, 1, 2]]), byId);
  await router.publish(items);
  await Promise.all(items.map((item) => router.fetch([item])));
  expect(Math.max(...nodes.map((node) => node.calls))).toBeLessThan(items.length * 0.6);
});

test('whatever fails, what a living owner holds is found', async () => {
  const replicaSet = fc.uniqueArray(fc.nat(2), { minLength: 1, maxLength: 3 });
  await fc.assert(fc.asyncProperty(fc.array(replicaSet, { minLength: 1, maxLength: 5 }), fc.array(fc.boolean(), { minLength: 3, maxLength: 3 }), async (sets, failing) => {
    const { nodes, byId } = nodesOf();
    const map = mapOf(sets);
    const router = new StateRouter(map, byId);
    await router.publish(items);
    for (const [index, node] of nodes.entries()) node.failing = failing[index] ?? false;
    const found = texts(await router.fetch(items));
    for (const [index, item] of items.entries()) {
      const alive = (sets[slotOf(item.key) % sets.length] ?? []).some((member) => !(failing[member] ?? false));
      expect(found[index]).toBe(alive ? `v${index}` : undefined);
    }
  }), { numRuns: 60 });
});
