import { expect, test } from 'vitest';
import { imported, sample } from '../../test/fixtures/importers/imports.ts';
import { importGor } from './gor.ts';

const wanted = [
  { kind: 'request', at: 1439818823587, service: '', route: 'GET /cart/:id', target: '/cart/7?view=full', actor: '203.0.113.9', request: '932079936fa4306fc308d67588178d17d823647c' },
  { kind: 'request', at: 1439818824000, service: '', route: 'POST /cart/:id/items', target: '/cart/8/items', actor: null, request: 'a1b2' },
];

test('requests are items, responses are not, wherever the chunks are cut', async () => {
  for (const chunkBytes of [1, 7, 64, 100_000]) {
    const { items, problems } = await imported(importGor, sample('shop.gor'), { chunkBytes });
    expect(items).toEqual(wanted);
    expect([problems.good, problems.bad]).toEqual([4, 0]);
  }
});

test('the last record may lack its end', async () => {
  const { items } = await imported(importGor, '1 a1 1439818824000000000 -1\nGET / HTTP/1.1\r\nX-Forwarded-For: 10.0.0.9\r\nX-Real-IP: 10.0.0.1\r\n\r\n');
  expect(items).toMatchObject([{ route: 'GET /', actor: '10.0.0.1' }]);
});

test('records that are none are bad', async () => {
  const { items, problems } = await imported(importGor, '1 a1 1439818824000000000\n\u0016\u0003\n🐵🙈🙉\nhello\n🐵🙈🙉\n4 a 1\nGET / HTTP/1.1\n🐵🙈🙉\n');
  expect(items).toEqual([]);
  expect([...problems.reasons]).toEqual([['no HTTP request', 1], ['no header of GoReplay', 2]]);
});
