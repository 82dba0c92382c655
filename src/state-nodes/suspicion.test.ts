import { expect, test } from 'vitest';
import { Suspicion } from './suspicion.ts';

test('who fails is avoided for a while that doubles with each failed probe, up to two seconds', () => {
  const suspicion = new Suspicion();
  expect(suspicion.any).toBe(false);
  const whiles: number[] = [];
  let now = 0;
  suspicion.failed(3, now);
  for (let probe = 0; probe < 8; probe++) {
    let avoided = 0;
    while (suspicion.isAvoided(3, now + avoided)) avoided += 1;
    whiles.push(avoided);
    now += avoided;
    expect(suspicion.asked(3, now)).toBe(true);
    suspicion.probeFailed(3, now);
  }
  expect(whiles).toEqual([50, 100, 200, 400, 800, 1600, 2000, 2000]);
});

test('one probe at a time, and an answer ends it', () => {
  const suspicion = new Suspicion();
  suspicion.failed(0, 0);
  suspicion.failed(0, 10); // nothing new
  expect(suspicion.asked(0, 49)).toBe(false); // the only holder: no probe
  expect(suspicion.isAvoided(0, 50)).toBe(false);
  expect(suspicion.asked(0, 50)).toBe(true);
  expect(suspicion.isAvoided(0, 51)).toBe(true);
  suspicion.cleared(0);
  expect([suspicion.any, suspicion.isSuspected(0), suspicion.isAvoided(0, 51)]).toEqual([false, false, false]);
  suspicion.cleared(0);
  expect(suspicion.any).toBe(false);
});
