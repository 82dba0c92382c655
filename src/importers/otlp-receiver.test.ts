import { connect } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterEach, expect, test } from 'vitest';
import { sample } from '../../test/fixtures/importers/imports.ts';
import type { TrafficItem } from '../model/traffic.ts';
import { OtlpReceiver, type OtlpReceiverOptions } from './otlp-receiver.ts';
import { ImportProblems } from './problems.ts';

const receivers: OtlpReceiver[] = [];
afterEach(() => Promise.all(receivers.splice(0).map((receiver) => receiver.close())));

async function listening(options?: OtlpReceiverOptions): Promise<{ receiver: OtlpReceiver; url: string }> {
  const receiver = new OtlpReceiver(options);
  receivers.push(receiver);
  const { host, port } = await receiver.listen();
  return { receiver, url: `http://${host}:${port}` };
}

interface Posted { readonly status: number; readonly type: string | null; readonly retryAfter: string | null; readonly body: Buffer }

async function post(url: string, body: Buffer | string, headers: Readonly<Record<string, string>> = { 'content-type': 'application/json' }): Promise<Posted> {
  const response = await fetch(url, { method: 'POST', body: Buffer.from(body as string), headers });
  return { status: response.status, type: response.headers.get('content-type'), retryAfter: response.headers.get('retry-after'), body: Buffer.from(await response.arrayBuffer()) };
}

async function itemsAfterClose(receiver: OtlpReceiver): Promise<TrafficItem[]> {
  await receiver.close();
  const items: TrafficItem[] = [];
  for await (const batch of receiver) items.push(...batch);
  return items;
}

const proto = { 'content-type': 'application/x-protobuf' };
const line = sample('otlp-traces.jsonl').toString().split('\n')[0] as string;

test('JSON and protobuf, plain and gzip, are answered with an empty message in their own encoding', async () => {
  const { receiver, url } = await listening({ idleMs: 1e15 }); // the samples are old: nothing may count as late
  const json = { status: 200, type: 'application/json', retryAfter: null, body: Buffer.from('{}') };
  expect(await post(`${url}/v1/traces`, line)).toEqual(json);
  expect(await post(`${url}/v1/metrics`, gzipSync(sample('otlp-metrics.jsonl').toString().split('\n')[0] as string), { 'content-type': 'application/json; charset=utf-8', 'content-encoding': 'gzip' })).toEqual(json);
  expect(await post(`${url}/v1/traces`, sample('otlp-traces.pb'), proto)).toEqual({ status: 200, type: 'application/x-protobuf', retryAfter: null, body: Buffer.alloc(0) });
  expect(await post(`${url}/v1/traces`, '', proto)).toMatchObject({ status: 200 });
  const items = await itemsAfterClose(receiver);
  expect(items.filter(({ kind }) => kind === 'request')).toHaveLength(6);
  expect(items.filter(({ kind }) => kind === 'metric').length).toBeGreaterThan(0);
  const times = items.map(({ at }) => at);
  expect(times).toEqual([...times].sort((a, b) => a - b));
});

test('what is wrong is answered as the specification says, and noted', async () => {
  const problems = new ImportProblems();
  const { url } = await listening({ limitBytes: 100_000, problems });
  const malformed = await post(`${url}/v1/traces`, '{"resourceSpans": [');
  expect([malformed.status, JSON.parse(malformed.body.toString())]).toEqual([400, { code: 3, message: 'The body is no JSON object.' }]);
  const noMessage = await post(`${url}/v1/traces`, 'hello', proto);
  expect([noMessage.status, noMessage.type, noMessage.body.subarray(0, 3).toString('hex')]).toEqual([400, 'application/x-protobuf', `080312`]);
  expect(noMessage.body.toString()).toContain('no export request');
  expect((await post(`${url}/v1/traces`, 'x', { 'content-type': 'application/json', 'content-encoding': 'gzip' })).status).toBe(400);
  expect((await post(`${url}/v1/traces`, '<x/>', { 'content-type': 'text/xml' })).status).toBe(415);
  expect((await post(`${url}/v1/traces`, '{}', { 'content-type': 'application/json', 'content-encoding': 'br' })).status).toBe(415);
  expect((await post(`${url}/v1/logs`, '{}')).status).toBe(404);
  expect((await fetch(`${url}/v1/traces`)).status).toBe(405);
  expect((await post(`${url}/v1/traces`, 'x'.repeat(5_000_000))).status).toBe(413);
  expect((await post(`${url}/v1/traces`, gzipSync(' '.repeat(5_000_000)), { 'content-type': 'application/json', 'content-encoding': 'gzip' })).status).toBe(413);
  expect((await post(`${url}/v1/traces`, line)).status).toBe(200);
  expect(problems.inputs[0]?.notes.reduce((sum, { count }) => sum + count, 0)).toBeGreaterThanOrEqual(9);
});

test('a consumer that lags makes exporters come again', async () => {
  const { receiver, url } = await listening({ mostWaiting: 3, idleMs: 1 });
  expect((await post(`${url}/v1/traces`, sample('otlp-traces.pb'), proto)).status).toBe(200);
  await expect.poll(() => post(`${url}/v1/traces`, sample('otlp-traces.pb'), proto)).toMatchObject({ status: 503, retryAfter: '1' });
  const consumer = receiver[Symbol.asyncIterator]();
  await expect.poll(async () => {
    void consumer.next();
    return (await post(`${url}/v1/metrics`, '{}')).status;
  }).toBe(200);
});

test('items are given while it runs, not only at the end', async () => {
  const { receiver, url } = await listening({ idleMs: 20 });
  await post(`${url}/v1/traces`, line);
  const first = await receiver[Symbol.asyncIterator]().next();
  expect((first.value as readonly TrafficItem[]).length).toBeGreaterThan(0);
});

test('a sender that goes away in the middle does no harm', async () => {
  const { url } = await listening();
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  socket.on('error', () => {});
  await new Promise<void>((done) => {
    socket.write('POST /v1/traces HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n{"reso', () => {
      socket.destroy();
      done();
    });
  });
  expect((await post(`${url}/v1/traces`, line)).status).toBe(200);
});

test('a port that is taken is said by code', async () => {
  const { url } = await listening();
  const second = new OtlpReceiver();
  await expect(second.listen(Number(new URL(url).port))).rejects.toMatchObject({ code: 'port_in_use' });
});
