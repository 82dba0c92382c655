import { expect, test } from 'vitest';
import { imported, sample } from '../../test/fixtures/importers/imports.ts';
import { importHar } from './har.ts';

test('entries are requests to their hosts, in order of time', async () => {
  for (const chunkBytes of [1, 100, 100_000]) {
    const { items, problems } = await imported(importHar, sample('shop.har'), { chunkBytes });
    expect(items).toEqual([
      { kind: 'request', at: Date.UTC(2026, 10, 29, 21, 0, 1), service: 'shop.test', route: 'GET /', target: '/', actor: '203.0.113.9', request: null },
      { kind: 'request', at: Date.UTC(2026, 10, 29, 21, 0, 2, 500), service: 'shop.test', route: 'POST /cart/:id/items', target: '/cart/7/items?x=1', actor: null, request: null },
    ]);
    expect(problems.notes).toEqual([{ what: 'entries left out', subject: 'data:', count: 1 }]);
  }
});

test('a HAR that is cut off gives what came before', async () => {
  const bytes = sample('shop.har');
  const { items, problems } = await imported(importHar, bytes.subarray(0, bytes.indexOf('2026-11-29T22') + 100), { context: { service: 'shop' } });
  expect(items).toMatchObject([{ service: 'shop', target: '/cart/7/items?x=1' }]);
  expect([...problems.reasons]).toEqual([['the document ends early', 1]]);
});

test('entries that are none are bad', async () => {
  const { problems } = await imported(importHar, '{"log": {"entries": [{}, {"startedDateTime": "2026-11-29T21:00:00Z"}, {"startedDateTime": "2026-11-29T21:00:00Z", "request": {"method": "GET", "url": "x"}}], "others": [{}]}}');
  expect([...problems.reasons]).toEqual([['no startedDateTime', 1], ['no method and URL', 1], ['no URL', 1], ['no entry of a HAR', 1]]);
});
