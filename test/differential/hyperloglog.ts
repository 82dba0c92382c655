import * as fc from 'fast-check';
import { bytes, command, key, several } from './values.ts';

/** Many elements at once, so that the sparse encoding splits and joins runs and is given up. */
const crowd = fc.tuple(fc.integer({ min: 1, max: 1500 }), fc.nat({ max: 5000 })).map(([size, from]): readonly string[] => Array.from({ length: size }, (_, index) => `element:${from + index}`));
const elements = fc.oneof({ weight: 4, arbitrary: several(bytes, 0, 4) }, { weight: 1, arbitrary: crowd });

/** A random HyperLogLog command; GET shows that the bytes are the same. */
export const hyperloglogCommand: fc.Arbitrary<string[]> = fc.oneof(
  { weight: 5, arbitrary: command('PFADD', key, elements) }, { weight: 2, arbitrary: command('PFCOUNT', several(key)) }, command('PFMERGE', key, several(key, 0, 3)),
  command('GET', key), { weight: 1, arbitrary: command('SETRANGE', key, fc.constantFrom('3', '15'), fc.constantFrom('\u0000', '\u0080', 'L')) },
);
