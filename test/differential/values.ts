import * as fc from 'fast-check';

/** Few keys, so that commands meet each other's; they are the same for every group, so that types clash too. */
export const keys: readonly string[] = ['a', 'b', 'c', 'd', 'key:1', '\u0000\u00ff'];

/** One of {@link keys}, the first ones most often: what one command leaves there the next one is to find. */
export const key: fc.Arbitrary<string> = fc.oneof(
  { weight: 6, arbitrary: fc.constant('a') }, { weight: 4, arbitrary: fc.constant('b') }, { weight: 2, arbitrary: fc.constantFrom(...keys) },
);

/** Bytes, as a latin1 string: short texts, numbers, and anything at all. */
export const bytes: fc.Arbitrary<string> = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom('', 'x', 'abc', 'hello world', '\u0000\r\n\u00ff', 'foobar', 'ohmytext', 'mynewtext') },
  { weight: 4, arbitrary: fc.integer({ min: -20, max: 300 }).map(String) },
  { weight: 1, arbitrary: fc.constantFrom('9223372036854775807', '-9223372036854775808', '9223372036854775808', '1.5', '-0.1', '3.0e3', '0x10', '1e400', 'nan', 'inf', ' 1', '+1', '01', '1 ', '\u00ff', '\u00ff\u00ff', '2147483648') },
  { weight: 1, arbitrary: fc.array(fc.integer({ min: 0, max: 255 }), { maxLength: 12 }).map((codes) => String.fromCharCode(...codes)) },
);

/** A small integer as text; seldom something that is none. */
export const integer: fc.Arbitrary<string> = fc.oneof(
  { weight: 9, arbitrary: fc.integer({ min: -12, max: 12 }).map(String) },
  { weight: 1, arbitrary: fc.constantFrom('9223372036854775807', '-9223372036854775808', '9223372036854775808', 'x', '', '1.5', '100', '-100') },
);

/** A float as text. */
export const float: fc.Arbitrary<string> = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: -1000, max: 1000 }).map((n) => String(n / 10)) },
  { weight: 2, arbitrary: fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e15, max: 1e15 }).map(String) },
  { weight: 1, arbitrary: fc.constantFrom('inf', '-inf', 'nan', '1e3', '5.0e-2', '0x1p4', 'x', '', '3.0e+10', '.5', '5.', '1e17', '1e-7', '-0') },
);

/** Mostly the word in capitals, sometimes in lower case. */
export function word(text: string): fc.Arbitrary<string> {
  return fc.oneof({ weight: 5, arbitrary: fc.constant(text) }, { weight: 1, arbitrary: fc.constant(text.toLowerCase()) });
}

/** A command made of parts: texts, arbitraries of one argument, and arbitraries of several. */
export function command(name: string, ...parts: readonly (string | fc.Arbitrary<string> | fc.Arbitrary<readonly string[]>)[]): fc.Arbitrary<string[]> {
  const all = [word(name), ...parts].map((part) => (typeof part === 'string' ? fc.constant(part) : part) as fc.Arbitrary<string | readonly string[]>);
  return fc.tuple(...all).map((args) => args.flat());
}

/** Nothing, or this. */
export function maybe(arbitrary: fc.Arbitrary<readonly string[]>): fc.Arbitrary<readonly string[]> {
  return fc.oneof(fc.constant([]), arbitrary);
}

/** Between `min` and `max` of these, one after the other. */
export function several(arbitrary: fc.Arbitrary<string>, min = 1, max = 3): fc.Arbitrary<readonly string[]> {
  return fc.array(arbitrary, { minLength: min, maxLength: max });
}

/** One of these commands as they stand. */
export function oneOf(...commands: readonly (readonly string[])[]): fc.Arbitrary<string[]> {
  return fc.constantFrom(...commands).map((args) => [...args]);
}
