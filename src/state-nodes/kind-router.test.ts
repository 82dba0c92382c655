import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { revisionOf } from '../testing/state-node-cases.ts';
import { mapOver } from '../testing/shard-maps.ts';
import { EmbeddedStateNode } from './embedded-state-node.ts';
import { KindRouter } from './kind-router.ts';
import { StateRouter } from './router.ts';

const keys = Array.from({ length: 40 }, (_, index) => `${['redis:0', 'redis:1', 'http:a'][index % 3] as string}/k:${index}`);
const isHttp = (key: string): boolean => key.startsWith('http:');

function routed(): { router: KindRouter; nodes: EmbeddedStateNode[] } {
  const nodes = ['a', 'b'].map((id) => new EmbeddedStateNode({ id }));
  const routers = nodes.map((node) => new StateRouter(mapOver([node.id]), new Map([[node.id, node]])));
  return { nodes, router: new KindRouter([{ has: isHttp, router: routers[0] as StateRouter }, { has: (key) => !isHttp(key), router: routers[1] as StateRouter }]) };
}

test('every element goes to its part and is found there, in the order asked for', async () => {
  await fc.assert(fc.asyncProperty(fc.subarray(keys), fc.array(fc.constantFrom(...keys), { maxLength: 60 }), async (written, asked) => {
    const { router, nodes } = routed();
    await router.publish(written.map((key) => revisionOf(key, 1, Buffer.from(key))));
    const found = await router.fetch(asked.map((key) => ({ key, revision: 1 })));
    expect(found.map((bytes) => bytes && Buffer.from(bytes).toString())).toEqual(asked.map((key) => (written.includes(key) ? key : undefined)));
    expect(await Promise.all(nodes.map(async (node) => (await node.stats()).elements))).toEqual([written.filter(isHttp).length, written.filter((key) => !isHttp(key)).length]);
    await router.close();
  }));
});

test('what a part cannot write is told', async () => {
  const { router } = routed();
  await expect(router.publish([revisionOf('http:a/x', 1, Buffer.alloc(64 * 1024 * 1024 + 1))])).rejects.toMatchObject({ code: 'payload_too_large' });
});
