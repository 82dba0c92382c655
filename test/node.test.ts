import { connect } from 'node:net';
import { writeFileSync } from 'node:fs';
import { afterAll, describe, expect, test } from 'vitest';
import { encodeCommand } from '../src/gateways/redis/resp-encoder.ts';
import { encodeHeatmap, encodeShardMap } from '../src/model/artefact-codec.ts';
import type { Heatmap } from '../src/model/heatmap.ts';
import { slotCount, type ShardMap } from '../src/model/shard-map.ts';
import { slotOf } from '../src/model/directory.ts';
import { ForeshardStateNode } from '../src/state-nodes/foreshard-state-node.ts';
import { revisionOf } from '../src/testing/state-node-cases.ts';
import type { NodeView } from '../src/state-nodes/node-watch.ts';
import { isFree, Workshop, type RunningCommand } from './support/command-line.ts';
import { freePort } from './support/example.ts';

const shop = new Workshop();
afterAll(async () => {
  const left = await shop.leftBehindAfter(2000);
  shop.remove();
  expect(left, 'processes or temporary files that nobody ended').toEqual([]);
});

interface RunningNode {
  readonly command: RunningCommand;
  readonly port: number;
  readonly url: string;
}

async function startNode(...args: readonly string[]): Promise<RunningNode> {
  const command = shop.start(['node', '--port', '0', '--http-port', '0', ...args]);
  const port = Number((await command.says(/foreshard:\/\/127\.0\.0\.1:(\d+)/))[1]);
  return { command, port, url: (await command.says(/(http:\/\/\S+)/))[1] as string };
}

/** What a server answers to these bytes until it closes the connection. */
function answerTo(port: number, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port });
    let answer = '';
    socket.on('data', (chunk) => (answer += chunk.toString('latin1')));
    socket.once('error', reject);
    socket.once('close', () => resolve(answer));
    socket.write(text, 'latin1');
  });
}

function viewsOf(stdout: string): NodeView[] {
  return (JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as { nodes: NodeView[] }).nodes;
}

describe('a state node as a process', () => {
  test('is written by one client and read by all', async () => {
    const node = await startNode('--id', 'alpha', '--zone', 'z1');
    expect(await answerTo(node.port, ['SET redis:0/cart:7 hello', 'GET redis:0/cart:7', 'FS.LIFE', 'QUIT'].join('\r\n') + '\r\n')).toMatch(/^\+OK\r\n\$5\r\nhello\r\n\$16\r\n[0-9a-f]{16}\r\n\+OK\r\n$/);
    const read = await fetch(`${node.url}/elements/redis:0/cart:7`);
    expect([read.status, await read.text()]).toEqual([200, 'hello']);
    expect(await (await fetch(`${node.url}/health`)).json()).toMatchObject({ status: 'ok', id: 'alpha', zone: 'z1' });
    expect(await (await fetch(`${node.url}/metrics`)).text()).toContain('foreshard_state_node_elements{node="alpha"} 1\n');
    const client = await ForeshardStateNode.connect({ id: 'alpha', host: '127.0.0.1', port: node.port });
    await client.write([revisionOf('redis:0/b', 1, Buffer.from('abc'))]);
    expect(await client.read([{ key: 'redis:0/b', revision: 1 }])).toEqual([Buffer.from('abc')]);
    node.command.signal('SIGTERM');
    expect(await node.command.ended).toMatchObject({ code: 0, stdout: '' });
    await expect(client.read([{ key: 'redis:0/b', revision: 1 }])).rejects.toMatchObject({ code: 'state_node_unreachable' });
    await client.close();
    expect(await isFree(node.port)).toBe(true);
  });

  test('ends at Ctrl-C with a client that is connected and one that never reads', async () => {
    const node = await startNode();
    const idle = connect({ host: '127.0.0.1', port: node.port });
    await new Promise((resolve) => idle.once('connect', resolve));
    const deaf = connect({ host: '127.0.0.1', port: node.port });
    deaf.on('error', () => {});
    deaf.write(encodeCommand(['SET', 'k', 'x'.repeat(30_000_000)]), 'latin1');
    deaf.write(encodeCommand(['GET', 'k']).repeat(20), 'latin1');
    deaf.pause();
    await fetch(`${node.url}/health`);
    node.command.signal('SIGINT');
    expect(await node.command.ended).toMatchObject({ code: 0 });
    for (const socket of [idle, deaf]) socket.destroy();
  });
});

describe.concurrent('what is asked for wrongly', () => {
  test.each<readonly [readonly string[], number, RegExp]>([
    [['node'], 2, /required option '--port <port>'/],
    [['node', '--port', 'x'], 2, /error usage --port x is not a whole number from 0 to 65535/],
    [['node', '--port', '0', '--max-memory', 'lots'], 2, /error usage --max-memory lots is no size.*hint .*512mb/s],
    [['node', '--port', '0', '--max-memory', '10b'], 2, /error usage --max-memory 10b is no size of at least 1mb/],
    [['node', '--port', '0', '--id', 'a b'], 2, /error usage --id "a b" is no name/],
    [['nodes', '--state-node', 'bolt://x'], 2, /error config_invalid .*bolt:\/\/x.*hint/s],
    [['nodes', '--state-node', 'embedded'], 2, /error usage an embedded state node lives in the process.*hint/s],
    [['nodes', '--heatmap', 'x'], 2, /error usage --heatmap says nothing without a map/],
    [['nodes', '--map', 'nowhere'], 2, /error input_not_found nowhere cannot be read.*hint/s],
    [['nodes', '--watch', '0'], 2, /error usage --watch 0 is not a whole number/],
  ])('foreshard %j', async (args, code, says) => {
    const ended = await shop.run(args);
    expect(ended).toMatchObject({ code, stdout: '' });
    expect(ended.stderr).toMatch(says);
  });

  test('a port in use is named, whichever it is', async () => {
    const node = await startNode();
    expect(await shop.run(['node', '--port', String(node.port)])).toMatchObject({ code: 3, stderr: expect.stringMatching(new RegExp(`error port_in_use .*127.0.0.1:${node.port}`)) as string });
    const httpPort = node.url.split(':').at(-1) as string;
    expect(await shop.run(['node', '--port', '0', '--http-port', httpPort])).toMatchObject({ code: 3, stderr: expect.stringMatching(new RegExp(`error port_in_use .*127.0.0.1:${httpPort}`)) as string });
    node.command.signal('SIGTERM');
    await node.command.ended;
  });
});

describe('foreshard nodes', () => {
  test('says who owns what, how they are and why', async () => {
    const [one, two] = await Promise.all([startNode('--max-memory', '64mb'), startNode()]);
    const closed = await freePort();
    const life = /\$16\r\n([0-9a-f]{16})/.exec(await answerTo(one.port, 'SET redis:0/a hello\r\nFS.LIFE\r\nQUIT\r\n'))?.[1] as string;
    const ports = [one.port, two.port, closed];
    const slots = new Uint16Array(slotCount);
    slots[slotOf('redis:0/a')] = 1;
    const map: ShardMap = {
      kind: 'shard-map', formatVersion: 2, incarnation: 0, epoch: 1, ages: new Uint8Array(slotCount), overrides: new Map(), slots, sets: [[1], [0, 1]],
      changes: new Map([[slotOf('redis:0/a'), { old: 0, joining: [0], pull: 1 }]]),
      members: ports.map((port, index) => ({ id: `m${index}`, address: `foreshard://127.0.0.1:${port}`, zone: 'z', capacity: 1, ...index === 0 ? { life } : index === 1 ? { life: 'earlier' } : {} })),
    };
    const element = (key: string, accesses: number): Heatmap['elements'][number] => ({ key, pRead: [1], pWrite: [0], expected: [accesses], low: [accesses], high: [accesses] });
    const heatmap = { kind: 'heatmap', formatVersion: 2, source: 'plan', startMs: 0, bucketMs: 1000, buckets: 1, elements: [element('redis:0/a', 30), element('redis:0/b', 10)], groups: [] } as unknown as Heatmap;
    writeFileSync(shop.path('map.json'), encodeShardMap(map));
    writeFileSync(shop.path('heatmap.json'), encodeHeatmap(heatmap));
    const ended = await shop.run(['nodes', '--map', 'map.json', '--heatmap', 'heatmap.json', '--json']);
    expect(ended, ended.stderr).toMatchObject({ code: 3 });
    expect(viewsOf(ended.stdout)).toMatchObject([
      { id: 'm0', state: 'up', reason: null, role: { slots: 1, joining: 1 }, elements: 1, bytes: 5, maxBytes: 64 * 2 ** 20, errors: 0, opsPerSecond: 0, heat: 15 / 40 },
      { id: 'm1', state: 'down', reason: expect.stringContaining('started again: the map knows its life earlier') as string, role: { slots: slotCount, joining: 0 }, heat: 25 / 40 },
      { id: 'm2', state: 'down', reason: expect.stringContaining(`127.0.0.1:${closed}`) as string, role: { slots: 0, joining: 0 }, elements: null, heat: 0 },
    ]);
    const table = await shop.run(['nodes', '--map', 'map.json', '--heatmap', 'heatmap.json']);
    expect(table.stdout).toMatch(/^node +role +state .*\nm0 foreshard:\/\/\S+ +owner of 1, joining 1 +up .* 5 B of 64.0 MB +1 +37.5 %\nm1 .*owner of 65536 +down .*\nm2 .* owns nothing +down +–.*\ndown m1: started again.*\ndown m2: .*ECONNREFUSED/);
    for (const { command } of [one, two]) command.signal('SIGTERM');
    await Promise.all([one.command.ended, two.command.ended]);
  });

  test('looks again and again; a node that dies is suspected, then down', async () => {
    const node = await startNode();
    const watch = shop.start(['nodes', '--state-node', `foreshard://127.0.0.1:${node.port}`, '--watch', '1', '--json']);
    const states = (): string[] => watch.stdout.trim().split('\n').filter(Boolean).map((line) => viewsOf(line)[0]?.state ?? '');
    const until = async (state: string): Promise<void> => {
      while (!states().includes(state)) await new Promise((resolve) => setTimeout(resolve, 20));
    };
    await until('up');
    await answerTo(node.port, `${'GET k\r\n'.repeat(100)}QUIT\r\n`);
    while (!watch.stdout.trim().split('\n').some((line) => (viewsOf(line)[0]?.opsPerSecond ?? 0) > 0)) await new Promise((resolve) => setTimeout(resolve, 20));
    node.command.signal('SIGKILL');
    await until('down');
    expect(states().filter((state, index) => state !== states()[index - 1])).toEqual(['up', 'suspected', 'down']);
    watch.signal('SIGINT');
    expect(await watch.ended).toMatchObject({ code: 0, stderr: '' });
  }, 60_000);
});
