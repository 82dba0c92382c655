import { expect, test } from 'vitest';
import { ForeshardError } from '../model/errors.ts';
import { excerptOf, ImportProblems, type InputProblems } from './problems.ts';

const opened = (): InputProblems => new ImportProblems().open({ input: 'a.log', format: 'combined', expected: 'address …', unit: 'line' });

function refusal(run: () => void): ForeshardError | undefined {
  try {
    run();
    return undefined;
  } catch (error) {
    return error as ForeshardError;
  }
}

test('reasons are counted and the first five records kept', () => {
  const problems = opened();
  problems.addGood(100);
  for (let number = 1; number <= 8; number++) problems.addBad({ number, reason: number % 2 === 0 ? 'no time' : 'no request', text: `text ${number}` });
  problems.finish();
  expect([...problems.reasons]).toEqual([['no request', 4], ['no time', 4]]);
  expect(problems.examples).toHaveLength(5);
  expect(problems.describe().slice(0, 2)).toEqual(['a.log: 8 of 108 lines left out: 4 no request, 4 no time', '  line 1: no request: text 1']);
});

test('an input is refused when most of it is bad, with what was expected and what stood there', () => {
  const mostlyBad = opened();
  mostlyBad.addGood(9);
  for (let number = 1; number <= 10; number++) mostlyBad.addBad({ number, reason: 'no time', text: '\u0016\u0003rest' });
  const error = refusal(() => mostlyBad.finish());
  expect(error?.code).toBe('input_unreadable');
  expect(error?.message).toContain('address …');
  expect(error?.message).toContain('line 1: no time: \\x16\\x03rest');
  expect(error?.hint).toContain('--format');

  const fewBad = opened();
  fewBad.addGood(3);
  for (let number = 1; number <= 9; number++) fewBad.addBad({ number, reason: 'no time', text: '' });
  expect(refusal(() => fewBad.finish())).toBeUndefined();

  const allBad = opened();
  allBad.addBad({ number: 1, reason: 'no time', text: '' });
  expect(refusal(() => allBad.finish())?.code).toBe('input_unreadable');
  expect(refusal(() => opened().finish())).toBeUndefined();
});

test('an input without one good record among a thousand is not read to its end', () => {
  const problems = opened();
  expect(refusal(() => {
    for (let number = 1; number <= 2000; number++) problems.addBad({ number, reason: 'no time', text: '' });
  })?.code).toBe('input_unreadable');
  expect(problems.bad).toBe(1000);
});

test('notes have a bound', () => {
  const problems = opened();
  for (let index = 0; index < 5000; index++) problems.note('keys hidden', `COMMAND${index}`);
  expect(problems.notes.length).toBeLessThanOrEqual(501);
  expect(problems.notes.reduce((sum, { count }) => sum + count, 0)).toBe(5000);
});

test('an excerpt is one short printable line', () => {
  expect(excerptOf('a\tb\u001b[31m')).toBe('a\\x09b\\x1b[31m');
  expect(excerptOf('x'.repeat(500))).toHaveLength(120);
  expect(excerptOf('日本')).toBe('日本');
});
