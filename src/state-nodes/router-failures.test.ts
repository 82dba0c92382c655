import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { slotOf, tagHash } from '../model/directory.ts';
import { ForeshardError } from '../model/errors.ts';
import { shardMapFormatVersion, slotCount, type Member, type ShardMap } from '../model/shard-map.ts';
import { revisionOf } from '../testing/state-node-cases.ts';
import { EmbeddedStateNode } from './embedded-state-node.ts';
import type { RouterTiming } from './router-timing.ts';
import { StateRouter, type RouterOptions } from './router.ts';
import type { RevisionName, StateNode, StoredRevision } from './state-node.ts';

const memberCount = 4;
const items = Array.from({ length: 40 }, (_, index) => revisionOf(`redis:0/k:${index}`, 1, Buffer.from(`v${index}`)));
const allTexts = items.map((_, index) => `v${index}`);
const texts = (found: readonly (Uint8Array | undefined)[]): (string | undefined)[] => found.map((bytes) => bytes && Buffer.from(bytes).toString());

/** Four members; each slot on `sets[slot % sets.length]`. */
function mapOf(sets: readonly (readonly number[])[], over: Partial<ShardMap> = {}): ShardMap {
  const members = Array.from({ length: memberCount }, (_, index) => ({ id: `m${index}`, address: 'embedded', zone: 'z', capacity: 1 }));
  return {
    kind: 'shard-map', formatVersion: shardMapFormatVersion, incarnation: 0, epoch: 1, members, sets,
    slots: Uint16Array.from({ length: slotCount }, (_, slot) => slot % sets.length), overrides: new Map(),
    ages: new Uint8Array(slotCount), changes: new Map(), ...over,
  };
}

/** A clock that moves when it is told to. */
class ManualTiming implements RouterTiming {
  #now = 0;
  readonly #timers = new Set<{ readonly at: number; readonly run: () => void }>();

  now(): number {
    return this.#now;
  }

  after(delayMs: number, run: () => void): () => void {
    const timer = { at: this.#now + delayMs, run };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** Lets time pass; what is due runs, and what follows from it. */
  async pass(ms: number): Promise<void> {
    await settled();
    const end = this.#now + ms;
    for (;;) {
      const next = [...this.#timers].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
      if (next === undefined) break;
      this.#timers.delete(next);
      this.#now = Math.max(this.#now, next.at);
      next.run();
      await settled();
    }
    this.#now = end;
  }
}

async function settled(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** A node whose answers can be held back, or fail. */
class FaultyNode extends EmbeddedStateNode {
  reads = 0;
  state: 'well' | 'failing' | 'silent' = 'well';
  isClosed = false;
  readonly #held: (() => void)[] = [];

  override async read(wanted: readonly RevisionName[]): Promise<(Uint8Array | undefined)[]> {
    this.reads += 1;
    if (this.state === 'failing') throw new ForeshardError('state_node_unreachable', `${this.id} is gone`);
    if (this.state === 'silent') await new Promise<void>((resolve) => this.#held.push(resolve));
    return super.read(wanted);
  }

  /** Gives all answers that were held back. */
  speak(): void {
    this.state = 'well';
    for (const go of this.#held.splice(0)) go();
  }

  override async close(): Promise<void> {
    this.isClosed = true;
    await super.close();
  }
}

interface Cluster {
  readonly nodes: readonly FaultyNode[];
  readonly router: StateRouter;
  readonly timing: ManualTiming;
}

async function clusterOf(map: ShardMap, options: RouterOptions = {}): Promise<Cluster> {
  const nodes = map.members.map(({ id }) => new FaultyNode({ id }));
  const timing = new ManualTiming();
  const router = new StateRouter(map, new Map<string, StateNode>(nodes.map((node) => [node.id, node])), { timing, ...options });
  await router.publish(items);
  return { nodes, router, timing };
}

const holder = ({ nodes }: Cluster, index: number): FaultyNode => nodes[index] as FaultyNode;
const readsOf = ({ nodes }: Cluster): number[] => nodes.map((node) => node.reads);

test('a node that does not answer is hedged: the other replica is asked, its answer counts, the late one is ignored', async () => {
  const cluster = await clusterOf(mapOf([[0, 1]]));
  holder(cluster, 0).state = 'silent';
  const found = cluster.router.fetch(items);
  await cluster.timing.pass(49);
  expect(readsOf(cluster)).toEqual([1, 0, 0, 0]);
  await cluster.timing.pass(2); // 50 ms as long as nothing is known of the node
  expect(readsOf(cluster)).toEqual([1, 1, 0, 0]);
  expect(texts(await found)).toEqual(allTexts);
  holder(cluster, 0).speak();
  await settled();
  expect(cluster.router.stats).toMatchObject({ hedges: 1, hedgesWon: 1, late: 1, missing: 0 });
});

test('a node is late when it takes longer than its own p95', async () => {
  const cluster = await clusterOf(mapOf([[0]]));
  const node = holder(cluster, 0);
  for (let n = 0; n < 16; n++) {
    node.state = 'silent';
    const found = cluster.router.fetch([items[0] as StoredRevision]);
    await cluster.timing.pass(20);
    node.speak();
    await found;
  }
  expect(cluster.router.members[0]).toMatchObject({ id: 'm0', p95Ms: 20, open: 0 });
  cluster.router.update(mapOf([[0, 1]], { epoch: 2 }));
  await holder(cluster, 1).write(items);
  for (let n = 0; n < 400; n++) await cluster.router.fetch([items[0] as StoredRevision]); // both alike in load
  const before = readsOf(cluster);
  for (const each of cluster.nodes) each.state = 'silent';
  const found = cluster.router.fetch([items[0] as StoredRevision]);
  await cluster.timing.pass(60);
  expect(readsOf(cluster).map((reads, index) => reads - (before[index] as number))).toEqual([1, 1, 0, 0]);
  for (const each of cluster.nodes) each.speak();
  expect(texts(await found)).toEqual(['v0']);
});

test('hedges stay within their share of the reads', async () => {
  const cluster = await clusterOf(mapOf([[0, 1]]), { hedge: { budget: 0.05 }, stallFloorMs: 1e9 });
  for (const node of cluster.nodes) node.state = 'silent';
  const reads = Array.from({ length: 1000 }, (_, index) => cluster.router.fetch([items[index % items.length] as StoredRevision]));
  await cluster.timing.pass(100);
  expect(cluster.router.stats.hedges).toBe(10); // what 200 reads save up, when all are late at once
  for (const node of cluster.nodes) node.speak();
  await Promise.all(reads);
});

test('without hedging only a node that counts as failed is passed over', async () => {
  const cluster = await clusterOf(mapOf([[0, 1]]), { hedge: false });
  holder(cluster, 0).state = 'silent';
  const found = cluster.router.fetch(items);
  await cluster.timing.pass(249);
  expect(readsOf(cluster)).toEqual([1, 0, 0, 0]);
  await cluster.timing.pass(2);
  expect(texts(await found)).toEqual(allTexts);
  expect(cluster.router.stats).toMatchObject({ hedges: 0, stalls: 1 });
  expect(cluster.router.members[0]?.isSuspected).toBe(true);
  holder(cluster, 0).speak();
  await settled();
  expect(cluster.router.members[0]?.isSuspected).toBe(false);
});

test('when a node hangs, all its reads go elsewhere, whatever the budget', async () => {
  const cluster = await clusterOf(mapOf([[0, 1]]), { hedge: { budget: 0 } });
  holder(cluster, 0).state = 'silent';
  const reads = Array.from({ length: 100 }, () => cluster.router.fetch(items));
  await cluster.timing.pass(300);
  for (const found of await Promise.all(reads)) expect(texts(found)).toEqual(allTexts);
});

test('a failed node is left alone for a while, then probed by one read', async () => {
  const cluster = await clusterOf(mapOf([[0, 1]]));
  holder(cluster, 0).state = 'failing';
  expect(texts(await cluster.router.fetch(items))).toEqual(allTexts);
  for (let n = 0; n < 10; n++) await cluster.router.fetch(items);
  expect(holder(cluster, 0).reads).toBe(1);
  await cluster.timing.pass(1900); // what was asked of the other still counts: the failed one comes first
  await Promise.all(Array.from({ length: 10 }, () => cluster.router.fetch(items)));
  expect(holder(cluster, 0).reads).toBe(2);
  holder(cluster, 0).state = 'well';
  await cluster.timing.pass(3000);
  for (let n = 0; n < 10; n++) expect(texts(await cluster.router.fetch(items))).toEqual(allTexts);
  expect(holder(cluster, 0).reads).toBeGreaterThan(3);
  expect(cluster.router.stats).toMatchObject({ failures: 2, missing: 0 });
});

test('the only holder is asked even while it is avoided', async () => {
  const cluster = await clusterOf(mapOf([[0]]));
  holder(cluster, 0).state = 'failing';
  expect(await cluster.router.fetch(items.slice(0, 1))).toStrictEqual([undefined]); // not a hole
  holder(cluster, 0).state = 'well';
  expect(texts(await cluster.router.fetch(items))).toEqual(allTexts);
});

test('what an owner lacks is read from another, and written back in the background', async () => {
  const cluster = await clusterOf(mapOf([[0, 1]]));
  await holder(cluster, 0).drop(items);
  expect(texts(await cluster.router.fetch(items))).toEqual(allTexts);
  await cluster.router.repaired();
  expect(texts(await holder(cluster, 0).read(items))).toEqual(allTexts);
  expect(cluster.router.stats).toMatchObject({ retries: items.length, repaired: items.length, dropped: 0, missing: 0 });
});

test('read repair is bounded, and can be off', async () => {
  const bounded = await clusterOf(mapOf([[0, 1]]), { repairBytes: 7 });
  await holder(bounded, 0).drop(items);
  await bounded.router.fetch(items.slice(0, 10)); // 'v0' to 'v9'
  await bounded.router.repaired();
  expect(bounded.router.stats).toMatchObject({ repaired: 3, dropped: 7 });
  const off = await clusterOf(mapOf([[0, 1]]), { repairBytes: false });
  await holder(off, 0).drop(items);
  expect(texts(await off.router.fetch(items))).toEqual(allTexts);
  await off.router.repaired();
  expect(await holder(off, 0).read(items)).toEqual(items.map(() => undefined));
});

test('bytes that are not those asked for are not given, and are put right', async () => {
  const cluster = await clusterOf(mapOf([[0, 1]]), { checkHashes: true });
  const [wanted] = items as [StoredRevision];
  holder(cluster, 0).read = async () => [Buffer.from('wrong')];
  const { read } = EmbeddedStateNode.prototype;
  expect(texts(await cluster.router.fetch([wanted]))).toEqual(['v0']);
  expect(cluster.router.stats).toMatchObject({ corrupt: 1, missing: 0 });
  await cluster.router.repaired();
  expect(texts(await read.call(holder(cluster, 0), [wanted]))).toEqual(['v0']);
});

test('a read that began on a map ends on it; what its owners do not give is looked for by the newest', async () => {
  const cluster = await clusterOf(mapOf([[0]]));
  await holder(cluster, 2).write(items);
  holder(cluster, 0).state = 'silent';
  const before = cluster.router.fetch(items.slice(0, 20));
  expect(cluster.router.update(mapOf([[2]], { epoch: 2 }))).toBe(true);
  expect(texts(await cluster.router.fetch(items))).toEqual(allTexts);
  expect(readsOf(cluster)).toEqual([1, 0, 1, 0]);
  await holder(cluster, 0).drop(items.slice(10));
  holder(cluster, 0).speak();
  expect(texts(await before)).toEqual(allTexts.slice(0, 20));
  expect(readsOf(cluster)).toEqual([1, 0, 2, 0]);
  expect(cluster.router.update(mapOf([[0]]))).toBe(false);
  expect(cluster.router.map.epoch).toBe(2);
});

test('while a slot is changing, its owners before are asked last', async () => {
  const cluster = await clusterOf(mapOf([[0, 1]]));
  const slots = [...new Set(items.map((item) => slotOf(item.key)))];
  cluster.router.update(mapOf([[2], [0, 1]], {
    epoch: 2, slots: new Uint16Array(slotCount), changes: new Map(slots.map((slot) => [slot, { old: 1, joining: [2], pull: 1 }])),
  }));
  await holder(cluster, 2).write(items.slice(5));
  expect(texts(await cluster.router.fetch(items))).toEqual(allTexts);
  await cluster.router.repaired();
  expect(texts(await holder(cluster, 2).read(items))).toEqual(allTexts);
});

test('nodes are opened when they are needed, and closed when their member has left and nothing is under way', async () => {
  const opened: FaultyNode[] = [];
  const open = async (member: Member): Promise<StateNode> => {
    const node = new FaultyNode({ id: member.id });
    await node.write(items);
    opened.push(node);
    return node;
  };
  const timing = new ManualTiming();
  const router = new StateRouter(mapOf([[0], [1]]), open, { timing });
  expect(opened).toEqual([]);
  const even = items.filter((item) => slotOf(item.key) % 2 === 0);
  expect((await router.fetch(even)).every((bytes) => bytes !== undefined)).toBe(true);
  expect(opened.map(({ id }) => id)).toEqual(['m0']);
  const [first] = opened as [FaultyNode];
  first.state = 'silent';
  const underWay = router.fetch(even);
  const { members } = mapOf([[0]]);
  router.update(mapOf([[0]], { epoch: 2, members: members.slice(1) }));
  await settled();
  expect(first.isClosed).toBe(false);
  first.speak();
  expect((await underWay).every((bytes) => bytes !== undefined)).toBe(true);
  await settled();
  expect(first.isClosed).toBe(true);
  expect(texts(await router.fetch(items))).toEqual(allTexts);
  await router.close();
  expect(opened.map(({ id, isClosed }) => [id, isClosed])).toEqual([['m0', true], ['m1', true]]);
});

test('a node that cannot be opened is a failed node', async () => {
  const open = async (member: Member): Promise<StateNode> => {
    if (member.id === 'm0') throw new ForeshardError('state_node_unreachable', 'no m0');
    const node = new EmbeddedStateNode({ id: member.id });
    await node.write(items);
    return node;
  };
  const router = new StateRouter(mapOf([[0, 1]]), open, { timing: new ManualTiming() });
  expect(texts(await router.fetch(items))).toEqual(allTexts);
  expect(router.stats.failures).toBe(1);
});

test('a programmer\'s error of a node is not swallowed', async () => {
  const cluster = await clusterOf(mapOf([[0, 1]]));
  holder(cluster, 0).read = async () => { throw new TypeError('a bug'); };
  await expect(cluster.router.fetch(items)).rejects.toThrow('a bug');
});

test('whoever brings the hash of the tag is spared the finding of it', async () => {
  const cluster = await clusterOf(mapOf([[0, 1], [1, 2]]));
  expect(texts(await cluster.router.fetch(items.map((item) => ({ ...item, tag: tagHash(item.key) }))))).toEqual(allTexts);
});

test('whatever hangs, fails or forgets, while maps come and go, what a willing owner holds is found', async () => {
  const sets = fc.array(fc.uniqueArray(fc.nat(memberCount - 1), { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 4 });
  const states = fc.array(fc.constantFrom<FaultyNode['state']>('well', 'well', 'failing', 'silent'), { minLength: memberCount, maxLength: memberCount });
  await fc.assert(fc.asyncProperty(sets, states, fc.array(fc.tuple(fc.nat(memberCount - 1), fc.nat(items.length - 1)), { maxLength: 30 }), fc.boolean(), async (sets, states, forgotten, changes) => {
    const cluster = await clusterOf(mapOf(sets), { repairBytes: false });
    for (const [node, item] of forgotten) await holder(cluster, node).drop([items[item] as StoredRevision]);
    for (const [index, state] of states.entries()) holder(cluster, index).state = state;
    const fetched = cluster.router.fetch(items);
    if (changes) cluster.router.update(mapOf([[0, 1, 2, 3]], { epoch: 2 }));
    await cluster.timing.pass(1000);
    const gave = (node: number, index: number): boolean => (sets[slotOf((items[index] as StoredRevision).key) % sets.length] ?? []).includes(node) && !forgotten.some(([a, b]) => a === node && b === index);
    for (const node of cluster.nodes) if (node.state === 'silent') node.speak(); // who alone holds something is waited for
    const found = texts(await fetched);
    for (const index of items.keys()) {
      const willing = states.some((state, node) => state !== 'failing' && gave(node, index));
      expect(found[index]).toBe(willing ? `v${index}` : undefined);
    }
    await settled(); // late answers
    expect(cluster.router.members.every(({ open }) => open === 0)).toBe(true);
  }), { numRuns: 30 });
});
