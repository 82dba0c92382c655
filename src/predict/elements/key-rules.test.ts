import { describe, expect, test } from 'vitest';
import type { RequestEvent } from '../../model/traffic.ts';
import { KeyRules, learnKeyRules, parametersOf, type ObservedRequest } from './key-rules.ts';

const request = (route: string, target: string, actor: string | null = null): RequestEvent => ({ kind: 'request', at: 0, service: '', route, target, actor, request: null });

describe('parameters of a request', () => {
  test('are the ids of its path by place and by name, its query and its sender', () => {
    const parameters = parametersOf(request('GET /carts/:id/items/:id', '/carts/7/items/item-12?user=ann&page=2', 'sid=9'), 'GET /carts/:cart/items/:item');
    expect(Object.fromEntries(parameters)).toEqual({ actor: 'sid=9', cart: '7', item: 'item-12', id: '7', 1: '7', 2: 'item-12', 'query.user': 'ann', 'query.page': '2' });
    expect(parametersOf({ target: null, actor: null })).toEqual(new Map());
  });
});

describe('key rules', () => {
  test('make keys of parameters, and say nothing where one is missing', () => {
    const rules = new KeyRules([
      { route: 'GET /carts/:id', key: 'redis:0/cart:{id}', access: 'read' }, { route: 'GET /carts/:id', key: 'redis:0/session:{actor}', access: 'read' },
      { route: 'GET /carts/:id', key: 'redis:0/{{cart}}:{1}', access: 'write', share: 0.4 },
    ]);
    expect(rules.keysOf(request('GET /carts/:id', '/carts/7'))).toEqual([{ key: 'redis:0/cart:7', access: 'read', share: 1 }, { key: 'redis:0/{cart}:7', access: 'write', share: 0.4 }]);
    expect([...rules.accesses(request('GET /carts/:id', '/carts/7', 'ann'))].map(({ key }) => key)).toEqual(['redis:0/cart:7', 'redis:0/session:ann']);
    expect([rules.knows('GET /carts/:id'), rules.knows('GET /')]).toEqual([true, false]);
  });

  test('are learnt: what stands in the keys of a route time after time', () => {
    const observed = Array.from({ length: 40 }, (_, i): ObservedRequest => ({
      request: request('POST /carts/:id/items', `/carts/${100 + i}/items?user=u${i % 7}`),
      accesses: [
        { key: `redis:0/cart:${100 + i}:items`, access: 'write' }, { key: 'redis:0/stats', access: 'write' }, { key: `redis:0/u:u${i % 7}`, access: 'read' },
        { key: `redis:0/order:${9000 + 13 * i}`, access: 'write' }, ...i % 10 === 0 ? [{ key: `redis:0/{cart}:${100 + i}`, access: 'read' as const }] : [],
      ],
    }));
    const { rules } = learnKeyRules(observed);
    expect(rules).toEqual([
      { route: 'POST /carts/:id/items', key: 'redis:0/cart:{1}:items', access: 'write', share: 1 }, { route: 'POST /carts/:id/items', key: 'redis:0/stats', access: 'write', share: 1 },
      { route: 'POST /carts/:id/items', key: 'redis:0/u:{query.user}', access: 'read', share: 1 }, { route: 'POST /carts/:id/items', key: 'redis:0/{{cart}}:{1}', access: 'read', share: 0.1 },
    ]);
    const again = new KeyRules(rules).keysOf(request('POST /carts/:id/items', '/carts/555/items?user=zed'));
    expect(again.map(({ key }) => key)).toEqual(['redis:0/cart:555:items', 'redis:0/stats', 'redis:0/u:zed', 'redis:0/{cart}:555']);
  });

  test('a number is not found inside another', () => {
    const observed = Array.from({ length: 5 }, (_, i): ObservedRequest => ({ request: request('GET /a/:id', `/a/${i + 1}`), accesses: [{ key: `redis:0/x:1${i + 1}`, access: 'read' }] }));
    expect(learnKeyRules(observed).rules).toEqual([]);
  });

  test('templates that people write take any text; the one with more literals goes first', () => {
    const written = [{ route: 'GET /images/:file', key: 'redis:0/image:{file}', access: 'read' }, { route: 'GET /images/index', key: 'redis:0/images', access: 'read' }] as const;
    const request = (target: string): RequestEvent => ({ kind: 'request', at: 1, service: '', route: `GET ${target.split('?')[0]}`, target, actor: null, request: null });
    const rules = new KeyRules(written, { byTemplate: true });
    expect(rules.keysOf(request('/images/kibana.png?size=2')).map(({ key }) => key)).toEqual(['redis:0/image:kibana.png']);
    expect(rules.keysOf(request('/images/index')).map(({ key }) => key)).toEqual(['redis:0/images']);
    expect(rules.keysOf(request('/images/a/b'))).toEqual([]);
    expect(rules.keysOf({ ...request('/images/a'), route: 'POST /images/a' })).toEqual([]);
    expect(new KeyRules(written).keysOf(request('/images/kibana.png'))).toEqual([]);
  });
});
