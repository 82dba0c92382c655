import { expect, test } from 'vitest';
import { NeighbourModel } from './neighbour-model.ts';

const touching = (...keys: readonly string[]) => ({ touches: keys.map((key) => ({ key, revision: 1, read: true, written: false })) });

test('what comes after an element in most of its requests is its neighbour, the likeliest first', () => {
  const requests = Array.from({ length: 20 }, (_, index) => touching(`user:${index % 4}`, `cart:${index % 4}`, index % 3 === 0 ? `order:${index % 4}` : 'config'));
  const model = new NeighbourModel(requests);
  expect(model.of('user:1')[0]).toBe('cart:1');
  expect(model.of('user:1')).not.toContain('cart:2');
  expect(model.of('never:seen')).toEqual([]);
});

test('an element is not followed by what comes once in many requests', () => {
  const model = new NeighbourModel([...Array.from({ length: 30 }, () => touching('a', 'b')), touching('a', 'rare')]);
  expect(model.of('a')).toEqual(['b']);
});
