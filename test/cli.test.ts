import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { decodeHeatmap, decodeShardMap } from '../src/model/artefact-codec.ts';
import type { Report } from '../src/model/report.ts';
import { verdicts, Workshop } from './support/command-line.ts';
import { describeWith, root } from './support/example.ts';

const service = join(root, 'test/fixtures/failures/service.mjs');
const shop = new Workshop({ REDIS_URL: 'redis://127.0.0.1:6379' });
/** A name that is trouble in XML, HTML and terminals. */
const awkward = '%00%1B[31m%3C/script%3E%22&amp;]]%3E%FF';

beforeAll(async () => {
  const ended = await shop.record(['-r', 'shop', '--redis', 'embedded', '--', 'node', service], async (url) => {
    for (const name of ['apple', 'pear', awkward]) {
      await fetch(`${url}/item?name=${name}`, { method: 'PUT', body: `fresh ${name}` });
      await fetch(`${url}/item?name=${name}`);
    }
    await fetch(`${url}/count`, { method: 'POST' });
  });
  expect(ended, ended.stderr).toMatchObject({ code: 0, stdout: '' });
});
afterAll(() => {
  const left = shop.leftBehind();
  shop.remove();
  expect(left, 'processes or temporary files that nobody ended').toEqual([]);
});

describe.concurrent('what is asked for wrongly ends with exit code 2 and says why', () => {
  const node = ['--', 'node', service];
  test.each<readonly [readonly string[], RegExp]>([
    [[], /Usage: foreshard/],
    [['tets'], /unknown command 'tets'/],
    [['replai'], /unknown command 'replai'.*Did you mean replay\?/s],
    [['list', '--jsno'], /unknown option '--jsno'.*Did you mean --json\?/s],
    [['inspect'], /missing required argument 'request'/],
    [['record'], /error usage no command to start the service.*hint .*record -- node server.js/s],
    [['record', '--listen', '70000', ...node], /error usage --listen 70000 is not a whole number from 0 to 65535/],
    [['record', '--ready', 'health', ...node], /error usage --ready health is not a path.*hint .*--ready \/health/s],
    [['record', '--', 'PORT=1'], /error usage no program to start in "PORT=1".*hint/s],
    [['record', '--instances', '0', ...node], /error usage --instances 0 is not a whole number from 1/],
    [['record', '--concurrency', 'many', ...node], /error usage --concurrency many is not a whole number/],
    [['record', '--snapshot', 'sometimes', ...node], /argument 'sometimes' is invalid. Allowed choices are auto, touch, full/],
    [['record', '--redis', 'localhost:6379', ...node], /error config_invalid localhost:6379 is not the address of a Redis server.*hint .*redis:\/\//s],
    [['record', '--http', 'prices', ...node], /error usage --http prices is not name=url.*hint/s],
    [['record', '--http', 'a=http://x:1', '--http', 'a=http://x:2', ...node], /error config_invalid http: the name a is given twice/],
    [['replay', '--lane-store', 'memory'], /argument 'memory' is invalid. Allowed choices are auto, overlay, redis/],
    [['replay', '-r', 'shop', '--state-node', 'cassandra://x'], /error config_invalid cassandra:\/\/x: there is no engine of state nodes for cassandra:.*hint .*memcached:\/\//s],
    [['replay', '-r', 'shop', '--candidate', ' '], /error usage the command is empty.*hint/s],
    [['replay', '-r', 'shop', '--filter', '/nowhere'], /error request_not_found no recorded request matches \/nowhere.*hint/s],
    [['predict', '-r', 'shop', '--from', 'tea-leaves'], /Allowed choices are plan, forecast/],
    [['inspect', 'r999999', '-r', 'shop'], /error request_not_found .*no request r999999.*it has 7 requests.*hint/s],
    [['report', '-r', 'shop'], /error request_not_found .*has not been replayed yet.*hint .*foreshard replay/s],
    [['accept', '--all', '-r', 'nowhere'], /error recording_not_found There is no recording in .*nowhere.*hint/s],
    [['list', '--config', 'nowhere.ts'], /error config_not_found there is no .*nowhere.ts/],
  ])('foreshard %j', async (args, says) => {
    const ended = await shop.run(args);
    expect(ended).toMatchObject({ code: 2, stdout: '' });
    expect(ended.stderr).toMatch(says);
    expect(ended.stderr).not.toMatch(/\n {4}at /);
  });

  test('what is asked for rightly: help and version on standard output', async () => {
    const help = await shop.run(['replay', '--help']);
    expect(help).toMatchObject({ code: 0, stderr: '' });
    expect(help.stdout).toMatch(/--candidate <command>.*--lane-store.*overlay.*--junit <file>/s);
    expect((await shop.run(['--version'])).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });
});

describe('a configuration', () => {
  const file = (name: string, text: string): string => {
    writeFileSync(shop.path(name), text);
    return name;
  };

  test.each<readonly [string, string, RegExp]>([
    ['fields.json', '{ "service": { "prot": 1, "readyTimeoutMs": -1 }, "redis": "localhost", "replay": { "laneStore": "memory" }, "http": [{ "name": "a b", "upstream": "x" }] }',
      /error config_invalid .*fields.json is not a valid configuration:.*prot.*service.*service.readyTimeoutMs.*redis.*http\[0\].name.*http\[0\].upstream.*hint .*defineConfig/s],
    ['throws.mjs', 'throw new Error("no licence");', /error config_invalid .*throws.mjs cannot be loaded: no licence/],
    ['syntax.ts', 'export default { service: ', /error config_invalid .*syntax.ts cannot be loaded: /],
    ['list.json', '[]', /error config_invalid .*list.json is not a valid configuration:.*expected object/s],
    ['redact.json', '{ "redact": { "patterns": [{ "pattern": "(" }] } }', /error config_invalid Redaction rule patterns: \(/],
    ['twice.json', '{ "redis": [{ "name": "a", "upstream": "embedded" }, { "name": "a", "upstream": "embedded" }] }', /error config_invalid redis: the name a is given twice/],
  ])('%s that is wrong: exit code 2, where and what', async (name, text, says) => {
    const ended = await shop.run(['record', '--config', file(name, text), '-r', 'unrecorded', '--', 'node', service]);
    expect(ended).toMatchObject({ code: 2, stdout: '' });
    expect(ended.stderr).toMatch(says);
    expect(existsSync(shop.path('unrecorded'))).toBe(false);
  });

  test('a rule that is no JSONPath is refused', async () => {
    const ended = await shop.run(['replay', '-r', 'shop', '--config', file('ignore.json', '{ "ignore": ["response.body"] }')]);
    expect(ended).toMatchObject({ code: 2 });
    expect(ended.stderr).toMatch(/error config_invalid ignore: 'response.body' is not a JSONPath.*hint .*RFC 9535/s);
  });

  test('is found before and after the command, and in the current folder', async () => {
    const name = file('named.json', '{ "record": { "folder": "shop" } }');
    for (const args of [['--config', name, 'list'], ['list', '--config', name]]) expect((await shop.run(args)).stdout).toContain('7 requests');
    mkdirSync(shop.path('elsewhere'));
    writeFileSync(shop.path('elsewhere', 'foreshard.config.ts'), "export default { record: { folder: '../shop' as string } };");
    const found = await shop.run(['list', '--config', 'elsewhere/foreshard.config.ts']);
    expect(found.stdout).toContain('7 requests'); // paths start at its folder
  });
});

describe('a recording', () => {
  test('is listed for people and as JSON', async () => {
    const { stdout } = await shop.run(['list', '-r', 'shop', '--requests']);
    expect(stdout).toMatch(/7 requests, 4 elements.*PUT \/item +3 +\d+ +\d+.*r000001 +200 +PUT \/item\?name=apple/s);
    const json = JSON.parse((await shop.run(['list', '-r', 'shop', '--json', '--requests'])).stdout) as { list: readonly object[]; routes: readonly object[] };
    expect(json).toMatchObject({ requests: 7, ended: true, losses: [], elements: 4 });
    expect(json.list).toHaveLength(7);
    expect(json.routes).toContainEqual(expect.objectContaining({ route: 'POST /count', requests: 1, statuses: { 200: 1 }, elementsWritten: 1 }));
  });

  test('one request is shown with its state', async () => {
    const { stdout } = await shop.run(['inspect', 'r000002', '-r', 'shop']);
    expect(stdout).toMatch(/GET \/item\?name=apple.*response 200.*"value":"fresh apple".*item:apple.*string \["fresh apple"\]/s);
    const json = JSON.parse((await shop.run(['inspect', 'r000001', '-r', 'shop', '--json'])).stdout) as object;
    expect(json).toMatchObject({ id: 'r000001', elements: [{ key: 'redis:0/item:apple', written: true }] });
  });

  test('predict and shard write files that can be read again', async () => {
    const predicted = await shop.run(['predict', '-r', 'shop', '-o', 'made/heatmap.json', '--top', '2']);
    expect(predicted).toMatchObject({ code: 0, stderr: '' });
    expect(predicted.stdout).toMatch(/heatmap from plan: 4 elements/);
    expect(decodeHeatmap(readFileSync(shop.path('made/heatmap.json'), 'utf8')).elements.map(({ key }) => key)).toContain('redis:0/count');
    expect((await shop.run(['predict', 'shop', '-o', 'made/forecast.json'])).code).toBe(0);
    expect(decodeHeatmap(readFileSync(shop.path('made/forecast.json'), 'utf8')).source).toBe('forecast');
    const sharded = await shop.run(['shard', '-r', 'shop', '--state-node', 'embedded', '--state-node', 'redis://127.0.0.1:7001', '--replicas', '2', '-o', 'made/map.json']);
    expect(sharded).toMatchObject({ code: 0, stderr: '' });
    const map = decodeShardMap(readFileSync(shop.path('made/map.json'), 'utf8'));
    expect(map.members.map(({ address }) => address)).toEqual(['embedded', 'redis://127.0.0.1:7001']);
    expect(map.sets.every((set) => set.length === 2)).toBe(true);
    const unwritable = await shop.run(['shard', '-r', 'shop', '-o', 'shop/manifest.json/map']);
    expect(unwritable).toMatchObject({ code: 2 });
    expect(unwritable.stderr).toMatch(/error usage shop\/manifest.json\/map cannot be written.*hint/s);
  });

  test('a plan is shown before anything moves, and says why', async () => {
    const nodes = ['--state-node', 'embedded,zone=a', '--state-node', 'redis://127.0.0.1:7001,zone=b,capacity=3'];
    const first = await shop.run(['plan', '-r', 'shop', ...nodes, '--replicas', '2', '-o', 'made/plan.json']);
    expect(first).toMatchObject({ code: 0, stderr: '' });
    expect(first.stdout).toMatch(/plan {2}epoch 1: 4 elements on 2 state nodes, 2 copies of each.*node-1 +a .*node-2 +b .*load .*why.*different zones.*no map before/s);
    const joined = await shop.run(['plan', '-r', 'shop', '--from', 'made/plan.json', ...nodes, '--state-node', 'redis://127.0.0.1:7002', '-o', 'made/plan2.json']);
    expect(joined.stdout).toMatch(/epoch 2: .* on 3 state nodes, 2 copies.*moves .*node-3 joined and takes its share/s);
    expect(decodeShardMap(readFileSync(shop.path('made/plan2.json'), 'utf8')).members.map(({ id, capacity }) => [id, capacity])).toEqual([['node-1', 1], ['node-2', 3], ['node-3', 1]]);
    const left = await shop.run(['plan', '-r', 'shop', '--from', 'made/plan2.json', '--state-node', 'redis://127.0.0.1:7001', '--state-node', 'redis://127.0.0.1:7002']);
    expect(left.stdout).toMatch(/node-2 +b .*node-3 .*node-1 is gone/s);
    const same = await shop.run(['plan', '-r', 'shop', '--from', 'made/plan2.json']);
    expect(same.stdout).toMatch(/epoch 2: .*nothing changes: epoch 2 stays/s);
  });

  test('an element says where it lives', async () => {
    expect((await shop.run(['predict', '-r', 'shop', '-o', 'made/known.json'])).code).toBe(0);
    const home = await shop.run(['explain', 'redis:0/count', 'made/known.json', '--map', 'made/plan2.json']);
    expect(home.stdout).toMatch(/It is read by [\d.]+ % of all requests, most at \d\d:\d\d, so \d replicas: node-\d.* \(epoch [12], slot \d+\)/);
    expect(JSON.parse((await shop.run(['explain', 'redis:0/count', 'made/known.json', '--map', 'made/plan2.json', '--json'])).stdout)).toMatchObject({ key: 'redis:0/count', home: { slot: expect.any(Number) as number } });
  });

  test.each([
    [['plan', '-r', 'shop', '--from', 'made/heatmap.json'], /error recording_damaged This is no shard-map/],
    [['plan', '-r', 'shop', '--from', 'made/newer.json'], /error recording_newer The shard-map has format 99.*hint/s],
    [['plan', '-r', 'shop', '--from', 'made/nowhere.json'], /error input_not_found made\/nowhere.json cannot be read.*hint/s],
    [['plan', '-r', 'shop', '--state-node', 'embedded,colour=red'], /error config_invalid embedded,colour=red.*hint/s],
    [['plan', '-r', 'shop', '--move-budget', 'all'], /error usage --move-budget all/],
  ])('foreshard %j', async (args, says) => {
    writeFileSync(shop.path('made/newer.json'), JSON.stringify({ kind: 'shard-map', formatVersion: 99 }));
    const { code, stderr } = await shop.run(args);
    expect(code).toBe(2);
    expect(stderr).toMatch(says);
  });

  test('a reader that has seen enough is no error', async () => {
    const piped = spawnSync('bash', ['-c', `set -o pipefail; '${process.execPath}' '${join(root, 'bin/foreshard.js')}' list -r shop --json --requests | head -c 1`], { cwd: shop.folder, encoding: 'utf8' });
    expect(piped).toMatchObject({ status: 0, stdout: '{', stderr: '' });
  });
});

describe('a replay', () => {
  const changed = `node ${service} other-value`;

  test('of some requests only', async () => {
    const { code, report } = await shop.replay(['-r', 'shop', '-f', 'GET /item']);
    expect(report.totals).toMatchObject({ same: 3 });
    expect(report.requests).toBe(3);
    expect(code).toBe(0);
    expect((await shop.replay(['-r', 'shop', '-f', 'r000007'])).report.cases.map(({ id }) => id)).toEqual(['r000007']);
  });

  test('that finds a change: exit code 1, on the terminal, as JSON, as JUnit and as a page', async () => {
    const { code, report, stderr } = await shop.replay(['-r', 'shop', '--junit', 'made/junit.xml', '--html', 'made/page.html', '--candidate', changed]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/✗ PUT \/item +write changed.*fresh apple.*candidate .*fresh apple!.*7 requests: 4 same.*3 differ/s);
    expect(stderr).not.toContain('\u001B[31m<');
    expect(report).toMatchObject({ kind: 'report', formatVersion: 1, requests: 7, candidate: changed, totals: { same: 4, noise: 0, differs: 3, inconclusive: 0, error: 0, not_run: 0 }, gate: { reproduced: 7, of: 7 } });
    expect(report.groups.map(({ kind, route }) => `${kind} ${route}`)).toEqual(Array.from({ length: 3 }, () => 'write_changed PUT /item'));
    expect(report.groups.flatMap(({ cases }) => cases).sort()).toEqual(['r000001', 'r000003', 'r000005']);
    for (const field of ['createdAt', 'baseline', 'cases', 'noise', 'assertedShare', 'durationMs', 'stateFaults', 'notes']) expect(report).toHaveProperty(field);
    expect(wellFormed(shop.path('made/junit.xml'))).toBe('');
    const junit = readFileSync(shop.path('made/junit.xml'), 'utf8');
    expect(junit).toMatch(/tests="7" failures="3" errors="0" skipped="0"/);
    expect(readFileSync(shop.path('made/page.html'), 'utf8')).not.toMatch(/<\/script>"&amp;]]>/);
  });

  test('is shown again by report', async () => {
    const shown = await shop.run(['report', '-r', 'shop']);
    expect(shown).toMatchObject({ code: 0, stderr: '' });
    expect(shown.stdout).toMatch(/write changed.*3 differ/s);
    expect((JSON.parse((await shop.run(['report', '-r', 'shop', '--json'])).stdout) as Report).totals.differs).toBe(3);
  });

  test('whose report cannot be written still shows it', async () => {
    const ended = await shop.run(['replay', '-r', 'shop', '-f', 'count', '--junit', 'shop/manifest.json/junit.xml']);
    expect(ended).toMatchObject({ code: 2 });
    expect(ended.stdout).toMatch(/1 request: 1 same/);
    expect(ended.stderr).toMatch(/error usage shop\/manifest.json\/junit.xml cannot be written/);
  });
});

describe('accept', () => {
  const changed = `node ${service} other-value`;

  beforeAll(async () => {
    expect((await shop.run(['replay', '-r', 'shop', '--candidate', changed])).code).toBe(1);
  });

  test('wants to be told what, and somebody to ask', async () => {
    const nothing = await shop.run(['accept', '-r', 'shop']);
    expect(nothing).toMatchObject({ code: 2 });
    expect(nothing.stderr).toMatch(/error usage say which requests to accept, or --all.*3 requests differ/s);
    const unknown = await shop.run(['accept', 'r000099', '-r', 'shop', '--yes']);
    expect(unknown).toMatchObject({ code: 2 });
    expect(unknown.stderr).toMatch(/error request_not_found r000099 was not in the last replay/);
    const nobody = await shop.run(['accept', '--all', '-r', 'shop']);
    expect(nobody).toMatchObject({ code: 2 });
    expect(nobody.stdout).toMatch(/r000001 PUT \/item\?name=apple.*write_changed.*fresh apple.*fresh apple!/s);
    expect(nobody.stderr).toMatch(/error usage nobody is there to be asked.*--yes/s);
  });

  describeWith(existsSync('/usr/bin/script'), 'script (a terminal for programs)')('asks at a terminal', () => {
    /** Answers at a terminal of its own. */
    const atTerminal = (answer: string): Promise<{ code: number | null; output: string }> => new Promise((done) => {
      const child = spawn('script', ['-qec', `'${process.execPath}' '${join(root, 'bin/foreshard.js')}' accept --all -r shop`, '/dev/null'], { cwd: shop.folder });
      let output = '';
      child.stdout.on('data', (text: Buffer) => {
        output += text.toString();
        if (/\[y\/N\]/.test(output) && child.stdin.writable) child.stdin.end(answer);
      });
      child.once('close', (code) => done({ code, output }));
    });

    test.each([['n\n', /nothing was accepted/], ['\u0004', /nothing was accepted/]])('%j changes nothing', async (answer, says) => {
      const { code, output } = await atTerminal(answer);
      expect(code).toBe(0);
      expect(output).toMatch(/accept 3 requests as the new baseline\? \[y\/N\]/);
      expect(output).toMatch(says);
      expect(existsSync(shop.path('shop/artefacts/accepted.jsonl.gz'))).toBe(false);
    });
  });

  test('takes the change as the baseline: the same candidate is the same from then on, the old one differs', async () => {
    const accepted = await shop.run(['accept', '--all', '--yes', '-r', 'shop']);
    expect(accepted).toMatchObject({ code: 0, stderr: '' });
    expect(accepted.stdout).toMatch(/accepted 3 of 3/);
    const again = await shop.replay(['-r', 'shop', '--candidate', changed]);
    expect(again.report.totals, again.stderr).toMatchObject({ same: 7 });
    expect(again.code).toBe(0);
    const none = await shop.run(['accept', '--all', '-r', 'shop']);
    expect(none).toMatchObject({ code: 0 });
    expect(none.stdout).toMatch(/nothing to accept/);
    const old = await shop.replay(['-r', 'shop']);
    expect(verdicts(old.report)).toMatchObject({ 'PUT /item?name=apple': 'differs', 'GET /item?name=apple': 'same' });
    expect(old.code).toBe(1);
  });
});

/** What a parser says against an XML file; the empty string: nothing. */
function wellFormed(path: string): string {
  const byXmllint = spawnSync('xmllint', ['--noout', path], { encoding: 'utf8' });
  if (byXmllint.error === undefined) return byXmllint.stderr;
  return spawnSync('python3', ['-c', 'import sys, xml.dom.minidom; xml.dom.minidom.parse(sys.argv[1])', path], { encoding: 'utf8' }).stderr;
}
