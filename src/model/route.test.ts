import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { pathTemplate, routeOf } from './route.ts';

test.each([
  ['/', '/'],
  ['', '/'],
  ['*', '*'],
  ['/cart/7', '/cart/:id'],
  ['/cart/7/items/12?full=1', '/cart/:id/items/:id'],
  ['/v1/users/0b7d2a44-9c1e-4f0a-8f52-3d1f2e9a7c55', '/v1/users/:id'],
  ['/oauth2/callback', '/oauth2/callback'],
  ['/commits/3f9a1c2b', '/commits/:id'],
  ['/objects/507f1f77bcf86cd799439011', '/objects/:id'],
  ['/watch/dQw4w9WgXcQ', '/watch/:id'],
  ['/u/V1StGXR8_Z5jdHi6B-myT', '/u/:id'],
  ['/c/cjld2cjxh0000qzrmn831i7rn', '/c/:id'],
  ['/o/01ARZ3NDEKTSV4RRFFQ69G5FAV', '/o/:id'],
  ['/products/7.json', '/products/:id.json'],
  ['/static/app.3f9a1c2b.js', '/static/app.:id.js'],
  ['/orders/item-7', '/orders/item-:id'],
  ['/orders/order_42/lines', '/orders/order_:id/lines'],
  ['/days/2024-01-31', '/days/:id'],
  ['/hosts/10.0.0.1', '/hosts/:id'],
  ['/geo/-12.5/48.1', '/geo/:id/:id'],
  ['/users/ann@example.com', '/users/:id'],
  ['/tags/caf%C3%A9', '/tags/:id'],
  ['/apiv2/connection', '/apiv2/connection'],
  ['/shopping-cart/check-out', '/shopping-cart/check-out'],
  ['/getUserByIdV2', '/getUserByIdV2'],
  ['/internationalization', '/internationalization'],
  ['/administration-panel-settings-2', '/administration-panel-settings-:id'],
  ['http://shop.example/cart/7', '/cart/:id'],
])('%s is %s', (target, template) => {
  expect(pathTemplate(target)).toBe(template);
});

test('a route has the method in upper case', () => {
  expect(routeOf('get', '/cart/7')).toBe('GET /cart/:id');
});

test('routes of numbered and UUID paths do not depend on the id', () => {
  fc.assert(fc.property(fc.nat(), fc.uuid(), (number, uuid) => {
    expect(routeOf('GET', `/a/${number}/b/${uuid}`)).toBe('GET /a/:id/b/:id');
  }));
});

test('a template is its own template, whatever the target', () => {
  fc.assert(fc.property(fc.string({ unit: 'binary' }), (target) => {
    const once = pathTemplate(`/${target}`);
    expect(pathTemplate(once)).toBe(once);
  }), { numRuns: 500 });
});
