import { expect, test } from 'vitest';
import { calleeOf, servedRequest } from './http-span.ts';
import type { TraceSpan } from './span.ts';

const span = (attributes: Readonly<Record<string, string | number>>, name = 'GET'): TraceSpan => ({ traceId: 't', spanId: 's', parentId: null, kind: 'server', name, startMs: 0, service: '', attributes: new Map(Object.entries(attributes)) });

test.each([
  ['today', { 'http.request.method': 'GET', 'url.path': '/cart/7', 'url.query': 'a=b', 'client.address': '10.0.0.1' }, { route: 'GET /cart/:id', target: '/cart/7?a=b', actor: '10.0.0.1' }],
  ['with a route', { 'http.request.method': 'GET', 'http.route': '/cart/{id}', 'url.path': '/cart/7', 'url.query': '?a=b', 'session.id': 's7' }, { route: 'GET /cart/{id}', target: '/cart/7?a=b', actor: 's7' }],
  ['yesterday', { 'http.method': 'get', 'http.target': '/cart/7?a=b', 'http.client_ip': '10.0.0.1', 'enduser.id': 'ann' }, { route: 'GET /cart/:id', target: '/cart/7?a=b', actor: 'ann' }],
  ['only a URL', { 'http.method': 'GET', 'http.url': 'http://shop.test:80/cart/7?a=b#c' }, { route: 'GET /cart/:id', target: '/cart/7?a=b', actor: null }],
  ['a strange method', { 'http.request.method': '_OTHER', 'http.request.method_original': 'purge', 'url.path': '/' }, { route: 'PURGE /', target: '/', actor: null }],
  ['only a route', { 'http.request.method': 'GET', 'http.route': 'cart/:id' }, { route: 'GET /cart/:id', target: null, actor: null }],
])('a request: %s', (_, attributes, wanted) => {
  expect(servedRequest(span(attributes as Record<string, string>))).toEqual(wanted);
});

test('the name of a span may be all there is of a route', () => {
  expect(servedRequest(span({ 'http.method': 'GET' }, 'GET /cart/:id'))).toEqual({ route: 'GET /cart/:id', target: null, actor: null });
  expect(servedRequest(span({ 'http.method': 'GET' }, 'GET'))).toBeUndefined();
  expect(servedRequest(span({ 'messaging.system': 'kafka' }))).toBeUndefined();
});

test.each([
  [{ 'http.request.method': 'GET', 'url.full': 'http://u:p@catalogue:8080/product/7', 'server.address': 'catalogue' }, { service: 'catalogue', route: 'GET /product/:id' }],
  [{ 'http.request.method': 'GET', 'url.full': 'http://u:p@catalogue:8080/product/7' }, { service: 'catalogue', route: 'GET /product/:id' }],
  [{ 'http.method': 'POST', 'http.url': 'http://10.0.0.1/a', 'net.peer.name': '10.0.0.1', 'peer.service': 'rates' }, { service: 'rates', route: 'POST /a' }],
  [{ 'http.request.method': 'GET', 'url.template': '/product/{id}', 'server.address': 'catalogue' }, { service: 'catalogue', route: 'GET /product/{id}' }],
  [{ 'db.system': 'redis', 'server.address': 'redis' }, undefined],
  [{ 'server.address': 'somewhere' }, undefined],
])('a callee: %j', (attributes, wanted) => {
  expect(calleeOf(span(attributes as Record<string, string>))).toEqual(wanted);
});
