import { describe, expect, test } from 'vitest';
import { revisionOf, stateNodeCases } from '../testing/state-node-cases.ts';
import { EmbeddedStateNode } from './embedded-state-node.ts';

const equal = (actual: unknown, expected: unknown): void => expect(actual).toEqual(expected);

describe('the embedded state node', () => {
  stateNodeCases({
    open: async (options) => new EmbeddedStateNode({ id: 'node-1', ...options }),
    second: async (node) => node,
    forget: async (node) => new EmbeddedStateNode({ id: node.id, life: '2' }),
  }, { test, equal });

  test('is full at its limit, without keeping a part', async () => {
    const node = new EmbeddedStateNode({ id: 'node-1', maxBytes: 10 });
    await node.write([revisionOf('redis:0/a', 1, Buffer.from('12345678'))]);
    await node.write([revisionOf('redis:0/b', 1, Buffer.from('12345678'))]); // equal bytes cost nothing
    await expect(node.write([revisionOf('redis:0/c', 1, Buffer.from('x')), revisionOf('redis:0/d', 1, Buffer.from('yyy'))])).rejects.toMatchObject({ code: 'state_node_full' });
    expect(await node.stats()).toMatchObject({ elements: 2, bytes: 8, errors: 1 });
    await node.drop([{ key: 'redis:0/a', revision: 1 }, { key: 'redis:0/b', revision: 1 }]);
    expect(await node.stats()).toMatchObject({ elements: 0, bytes: 0 });
  });

  test('gives no byte that was changed by who shares it', async () => {
    const node = new EmbeddedStateNode({ id: 'node-1' });
    const bytes = Buffer.from('abc');
    await node.write([revisionOf('redis:0/a', 1, bytes)]);
    bytes[0] = 0;
    expect(await node.read([{ key: 'redis:0/a', revision: 1 }])).toEqual([undefined]);
    expect((await node.stats()).errors).toBe(1);
  });
});
