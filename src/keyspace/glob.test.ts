import { describe, expect, it } from 'vitest';
import { globMatcher, globMatches } from './glob.ts';

describe('globMatches', () => {
  it.each([
    ['*', 'anything', true], ['a*c', 'abbc', true], ['a*c', 'abcd', false], ['h?llo', 'hallo', true], ['h?llo', 'hllo', false],
    ['h[ae]llo', 'hello', true], ['h[^e]llo', 'hello', false], ['h[^e]llo', 'hallo', true], ['[a-c]x', 'bx', true], ['[c-a]x', 'bx', true],
    ['\\*', '*', true], ['\\*', 'x', false], ['[\\]]', ']', true], ['[a', 'a', true], ['[^a', 'b', true], ['a\\', 'a\\', true],
    ['**', '', false], ['*', '', false], ['', '', true], ['a**', 'a', true], ['*a*a*a*b', 'aaaa', false], ['\u00ff*', '\u00ff\n', true],
  ])('%j on %j: %j', (pattern, text, expected) => {
    expect(globMatches(pattern, text)).toBe(expected);
  });

  it('does not take exponential time on many stars', () => {
    const started = performance.now();
    expect(globMatches(`${'a*'.repeat(40)}b`, 'a'.repeat(400))).toBe(false);
    expect(performance.now() - started).toBeLessThan(1000);
  });

  it('has fast paths that agree with it', () => {
    for (const pattern of ['abc', 'ab*', 'a*c', 'a?c', '[ab]bc', 'ab\\c', '']) {
      for (const text of ['abc', 'abcd', 'ab', 'bbc', '']) expect([pattern, text, globMatcher(pattern)(text)]).toEqual([pattern, text, globMatches(pattern, text)]);
    }
  });
});
