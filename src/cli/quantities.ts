import { ForeshardError } from '../model/errors.ts';

/** Bounds of a number, both included. */
export interface Bounds {
  readonly from?: number;
  readonly to?: number;
  readonly whole?: boolean;
}

const sizes: Readonly<Record<string, number>> = { b: 1, kb: 1024, mb: 1024 ** 2, gb: 1024 ** 3, tb: 1024 ** 4 };
const times: Readonly<Record<string, number>> = { us: 0.001, ms: 1, s: 1000, m: 60_000, min: 60_000, h: 3_600_000 };
const counts: Readonly<Record<string, number>> = { '': 1, k: 1e3, m: 1e6, g: 1e9 };

/** A commander parser for numbers such as `5e6`, `0.02` or `10k`. */
export function quantity(flag: string, bounds: Bounds = {}): (text: string) => number {
  return (text) => within(flag, text, measured(flag, text, { units: counts, example: '5e6 or 10k' }), bounds);
}

/** A commander parser for sizes such as `1kb` or `16gb`, to bytes; a number alone is bytes. */
export function byteSize(flag: string): (text: string) => number {
  return (text) => within(flag, text, measured(flag, text, { units: { '': 1, ...sizes }, example: '512b, 1kb or 16gb' }), { from: 1 });
}

/** A commander parser for times such as `50us` or `10s`, to milliseconds. */
export function timeSpan(flag: string): (text: string) => number {
  return (text) => within(flag, text, measured(flag, text, { units: times, example: '50us, 2ms or 10s' }), { from: Number.MIN_VALUE });
}

function measured(flag: string, text: string, { units, example }: { readonly units: Readonly<Record<string, number>>; readonly example: string }): number {
  const [, number = '', unit = ''] = /^(\d+(?:\.\d+)?(?:e[+-]?\d+)?|\.\d+)\s*([a-z]*)$/.exec(text.trim().toLowerCase()) ?? [];
  const factor = units[unit];
  const value = Number(number) * (factor ?? Number.NaN);
  if (number === '' || !Number.isFinite(value)) throw new ForeshardError('usage', `${flag} ${text} cannot be read`, { hint: `write it like ${example}` });
  return value;
}

function within(flag: string, text: string, value: number, { from = 0, to = Number.MAX_VALUE, whole = false }: Bounds): number {
  if (value < from || value > to) throw new ForeshardError('usage', `${flag} ${text} is out of range`, { hint: to === Number.MAX_VALUE ? `it must be ${from === Number.MIN_VALUE ? 'more than 0' : `at least ${from}`}` : `it must lie between ${from} and ${to}` });
  if (whole && !Number.isInteger(value)) throw new ForeshardError('usage', `${flag} ${text} is not a whole number`);
  return value;
}
