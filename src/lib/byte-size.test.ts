import { expect, test } from 'vitest';
import { parseByteSize } from './byte-size.ts';

test.each<readonly [string, number | undefined]>([
  ['4096', 4096], ['0', 0], ['1gb', 2 ** 30], ['1.5 GB', 1.5 * 2 ** 30], ['512MB', 2 ** 29], ['64k', 65_536], ['7b', 7], ['2tb', 2 ** 41],
  ['', undefined], ['gb', undefined], ['-1mb', undefined], ['1 pound', undefined], ['1e9', undefined], ['99999999tb', undefined], ['constructor', undefined], ['1constructor', undefined],
])('%j is %j bytes', (text, bytes) => expect(parseByteSize(text)).toBe(bytes));
