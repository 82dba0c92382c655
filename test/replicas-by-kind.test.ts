import { afterEach, expect, test } from 'vitest';
import { placeState } from '../src/clustering.ts';
import { settingsOf } from '../src/config/settings.ts';
import { contentHash } from '../src/lib/content-hash.ts';
import { NodeServer } from '../src/state-nodes/node-server.ts';
import { RecordingInMemory } from '../src/testing/recording-in-memory.ts';

const servers: NodeServer[] = [];

async function startNode(): Promise<{ server: NodeServer; address: string }> {
  const server = new NodeServer({ id: `n${servers.length}`, life: `life${servers.length}`, maxBytes: 1 << 20, version: 'test', onInternalError: (error) => { throw error; } });
  servers.push(server);
  const { resp } = await server.listen({ host: '127.0.0.1', port: 0 });
  return { server, address: `foreshard://127.0.0.1:${resp.port}` };
}

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

const keys = Array.from({ length: 200 }, (_, index) => (index % 2 === 0 ? `redis:0/element:${index}` : `redis:1/element:${index}`));

function recordingOf(): ReturnType<RecordingInMemory['build']> {
  const inMemory = new RecordingInMemory();
  for (const key of keys) inMemory.revision(key, { type: 'string', value: key }, { position: 0, cause: 'initial' });
  inMemory.request({ id: 'r1', position: 1, touches: keys.map((key) => ({ key, revision: 1, read: true, written: false })) });
  return inMemory.build();
}

test('a replay keeps as many copies of each kind of state as it is told, on the same processes', async () => {
  const nodes = [await startNode(), await startNode(), await startNode()];
  const recording = recordingOf();
  const settings = settingsOf({ stateNodes: nodes.map(({ address }) => ({ address })), replicas: { default: 1, 'redis:0': 3 } }, '/', 'replay');
  const placed = await placeState(recording, recording.requests, settings);
  try {
    const held = await Promise.all(nodes.map(({ server }) => server.node.stats()));
    expect(held.reduce((sum, { elements }) => sum + elements, 0)).toBe(100 * 3 + 100);
    expect(held.every(({ elements }) => elements >= 100)).toBe(true);
    const revisions = [...recording.chains.values()].map(({ revisions: [first] }) => ({ key: first?.key ?? '', revision: 1, hash: first?.hash ?? '' }));
    const found = await placed.state.fetch(revisions);
    expect(found.map(contentHash)).toEqual(revisions.map(({ hash }) => hash));
    expect(placed.state.missed).toBe(0);
    await nodes[0]?.server.close();
    const after = await placed.state.fetch(revisions);
    expect(after.map(contentHash)).toEqual(revisions.map(({ hash }) => hash));
    const alone = held[0]?.elements ?? 0;
    expect(placed.state.missed).toBeLessThanOrEqual(alone - 100); // what had one copy comes from the recording
  } finally {
    await placed.close();
  }
});
