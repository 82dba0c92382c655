import { describe, expect, it } from 'vitest';
import { learnTemplates } from './templates.ts';

const people = ['ann', 'bob', 'cid', 'dan', 'eve', 'fay', 'gus'];
const templatesOf = (names: readonly string[]): string[] => {
  const templates = learnTemplates(names.map((name) => `redis:0/${name}`));
  return [...new Set(names.map((name) => templates.key(`redis:0/${name}`).slice('redis:0/'.length)))].sort();
};

describe('templates of state keys', () => {
  it('many names behind one word are ids, few are words', () => {
    expect(templatesOf(people.map((name) => `cart:${name}`))).toEqual(['cart:*']);
    expect(templatesOf(people.flatMap((name) => [`cart:${name}:items`, `cart:${name}:log`]))).toEqual(['cart:*:items', 'cart:*:log']);
    expect(templatesOf(['stats:added', 'stats:removed'])).toEqual(['stats:added', 'stats:removed']);
  });
  it('kinds of things behind a common prefix stay, however many there are', () => {
    const kinds = ['cart', 'session', 'profile', 'limit', 'order'];
    const names = [...kinds.flatMap((kind) => people.map((name) => `shop:${kind}:${name}`)), 'shop:audit', 'shop:top'];
    expect(templatesOf(names)).toEqual(['shop:audit', 'shop:cart:*', 'shop:limit:*', 'shop:order:*', 'shop:profile:*', 'shop:session:*', 'shop:top']);
  });
  it('what is no plain word is an id where most are', () => {
    const receipts = ['VhYkSVZkRH84', 'q1W2e3R4t5Y6', 'aB3dE5fG7hJ9', 'Zz9yX8wV7u6T', 'kL1mN2oP3qR4', '8sT7uV6wX5yZ'].map((id) => `receipt:${id}`);
    expect(templatesOf([...receipts, 'receipt:TEvjvnltftXk', 'receipt:last'])).toEqual(['receipt:*', 'receipt:last']);
    expect(templatesOf([...receipts.slice(1, 3), 'receipt:TEvjvnltftXk'])).toContain('receipt:TEvjvnltftXk');
  });
  it('ids below ids are ids', () => {
    expect(templatesOf(people.flatMap((name) => people.map((other) => `follows:${name}:${other}`)))).toEqual(['follows:*:*']);
  });
});
