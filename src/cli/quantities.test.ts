import { expect, test } from 'vitest';
import { ForeshardError } from '../model/errors.ts';
import { byteSize, quantity, timeSpan } from './quantities.ts';

test.each([['5e6', 5e6], ['0.02', 0.02], ['10k', 10_000], ['1.5M', 1.5e6], ['.5', 0.5]])('count %s', (text, value) => expect(quantity('--rps')(text)).toBe(value));
test.each([['1kb', 1024], ['16GB', 16 * 1024 ** 3], ['100', 100], ['1.5 mb', 1.5 * 1024 ** 2]])('size %s', (text, value) => expect(byteSize('--element-size')(text)).toBe(value));
test.each([['50us', 0.05], ['2ms', 2], ['10s', 10_000], ['1h', 3_600_000]])('time %s', (text, value) => expect(timeSpan('--service-time')(text)).toBeCloseTo(value, 12));

test.each<[string, () => number, string]>([
  ['no number', () => quantity('--rps')('many'), '--rps many cannot be read'], ['a unit of something else', () => timeSpan('--service-time')('50kb'), '--service-time 50kb cannot be read'],
  ['a time without a unit', () => timeSpan('--service-time')('50'), '--service-time 50 cannot be read'], ['nothing', () => byteSize('--element-size')('0'), '--element-size 0 is out of range'],
  ['too much', () => quantity('--zipf', { to: 3 })('4'), '--zipf 4 is out of range'], ['negative', () => quantity('--rps')('-1'), '--rps -1 cannot be read'],
  ['infinite', () => quantity('--rps')('1e999'), '--rps 1e999 cannot be read'], ['a part of one', () => quantity('--nodes', { whole: true })('2.5'), '--nodes 2.5 is not a whole number'],
])('%s is a usage error that says what', (_, parse, message) => {
  expect(parse).toThrow(ForeshardError);
  expect(parse).toThrow(message);
});
