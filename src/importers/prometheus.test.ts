import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import type { ForeshardError } from '../model/errors.ts';
import type { MetricSample } from '../model/traffic.ts';
import { prometheusRange, type PrometheusRange } from './prometheus.ts';

let server: Server | undefined;
afterEach(() => server?.close());

interface Asked { readonly path: string; readonly query: URLSearchParams; readonly authorization: string | undefined }

async function answering(answer: (asked: Asked) => { readonly status?: number; readonly body: unknown }): Promise<{ readonly url: string; readonly asked: Asked[] }> {
  const asked: Asked[] = [];
  server = createServer((request, response) => {
    const url = new URL(request.url as string, 'http://x');
    const one = { path: url.pathname, query: url.searchParams, authorization: request.headers.authorization };
    asked.push(one);
    const { status = 200, body } = answer(one);
    response.writeHead(status, { 'content-type': 'application/json' }).end(typeof body === 'string' ? body : JSON.stringify(body));
  });
  await new Promise<void>((done) => server?.listen(0, '127.0.0.1', done));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
}

const matrix = (result: unknown, extra: object = {}): object => ({ status: 'success', data: { resultType: 'matrix', result }, ...extra });

async function all(range: Partial<PrometheusRange> & { readonly url: string }): Promise<MetricSample[]> {
  const samples: MetricSample[] = [];
  for await (const sample of prometheusRange({ query: 'up', metric: 'up', start: 0, end: 60_000, step: 15_000, ...range })) samples.push(sample);
  return samples;
}

const failure = (run: Promise<unknown>): Promise<ForeshardError> => run.then(() => { throw new Error('it went well'); }, (error: unknown) => error as ForeshardError);

test('samples have the member of their labels and come in order of time', async () => {
  const { url, asked } = await answering(() => ({ body: matrix([
    { metric: { instance: 'a:1', pod: 'p' }, values: [[1, '0.5'], [16.5, 'NaN'], [31, '+Inf']] },
    { metric: { pod: 'p' }, values: [[1, '1'], [16, '2e3']] },
    { metric: { host: 'h' }, values: [[0.5, '3']] },
    { metric: {}, values: [[2, '4']] },
  ]) }));
  expect((await all({ url: `${url.replace('//', '//ann:p%40ss@')}/prefix/`, query: 'rate(x[1m])' })).map(({ at, member, metric, value }) => `${at} ${member} ${metric} ${value}`)).toEqual(['500 h up 3', '1000 a:1 up 0.5', '1000 p up 1', '2000 all up 4', '16000 p up 2000']);
  expect(asked[0]).toMatchObject({ path: '/prefix/api/v1/query_range', authorization: `Basic ${Buffer.from('ann:p@ss').toString('base64')}` });
  expect([...(asked[0] as Asked).query]).toEqual([['query', 'rate(x[1m])'], ['start', '0'], ['end', '60'], ['step', '15']]);
});

test('long ranges are asked for part by part, without a gap and without a point twice', async () => {
  const { url, asked } = await answering(({ query }) => {
    const [start, end, step] = ['start', 'end', 'step'].map((name) => Number(query.get(name))) as [number, number, number];
    const values: [number, string][] = [];
    for (let at = start; at <= end; at += step) values.push([at, '1']);
    return values.length > 11_000 ? { status: 400, body: { status: 'error', errorType: 'bad_data', error: 'exceeded maximum resolution of 11,000 points per timeseries.' } } : { body: matrix([{ metric: {}, values }]) };
  });
  const samples = await all({ url, start: 0, end: 25_000_000, step: 1000 });
  expect(samples.map(({ at }) => at)).toEqual(Array.from({ length: 25_001 }, (_, index) => index * 1000));
  expect(asked).toHaveLength(3);
});

test('errors and warnings of Prometheus have codes', async () => {
  const bad = await answering(() => ({ status: 400, body: { status: 'error', errorType: 'bad_data', error: 'parse error' } }));
  expect(await failure(all({ url: bad.url }))).toMatchObject({ code: 'upstream_refused', message: expect.stringContaining('bad_data: parse error') as string });
  server?.close();

  const warning = await answering(() => ({ body: matrix([{ metric: {}, values: [[1, '1']] }], { warnings: ['a store is away'] }) }));
  expect(await failure(all({ url: warning.url }))).toMatchObject({ code: 'upstream_refused', message: expect.stringContaining('a store is away') as string });
  const warnings: string[] = [];
  expect(await all({ url: warning.url, start: 0, end: 25_000_000, step: 1000, onWarning: ({ message }) => warnings.push(message) })).toHaveLength(3);
  expect(warnings).toHaveLength(1);
  server?.close();

  const other = await answering(() => ({ status: 404, body: '<html>' }));
  expect(await failure(all({ url: other.url }))).toMatchObject({ code: 'upstream_refused' });
  server?.close();
  const vector = await answering(() => ({ body: { status: 'success', data: { resultType: 'vector', result: [] } } }));
  expect(await failure(all({ url: vector.url }))).toMatchObject({ code: 'upstream_refused' });
});

test('nobody there, no URL, no range', async () => {
  expect(await failure(all({ url: 'http://127.0.0.1:1' }))).toMatchObject({ code: 'upstream_unreachable' });
  expect(await failure(all({ url: 'nonsense' }))).toMatchObject({ code: 'usage' });
  expect(await failure(all({ url: 'http://127.0.0.1:1', start: 5, end: 4 }))).toMatchObject({ code: 'usage' });
  expect(await failure(all({ url: 'http://127.0.0.1:1', step: 0 }))).toMatchObject({ code: 'usage' });
});
