import { expect, test } from 'vitest';
import { manualKeyspace } from '../keyspace/manual-keyspace.ts';
import type { Reply } from '../keyspace/reply.ts';
import { onServiceTime } from './service-time.ts';

const caseNow = 1_700_000_000_000;
const aheadMs = 86_400_000;

test('points in time of a service in real time are brought to the time of the case, and back in replies', () => {
  const { keyspace, session, run } = manualKeyspace();
  const target = onServiceTime({ keyspace }, aheadMs);
  const ask = (...args: string[]): Reply => {
    let answer: Reply = null;
    target.keyspace.execute(session, args, (reply) => {
      answer = reply;
    });
    return answer;
  };
  const serviceNow = caseNow + aheadMs;
  ask('SET', 'a', '1');
  for (const command of [
    ['EXPIREAT', 'a', String(serviceNow / 1000 + 60)], ['PEXPIREAT', 'a', String(serviceNow + 60_000)], ['SET', 'a', '1', 'EXAT', String(serviceNow / 1000 + 60)],
    ['SET', 'a', 'PXAT', 'PXAT', String(serviceNow + 60_000)], ['GETEX', 'a', 'PXAT', String(serviceNow + 60_000)], ['EXPIRE', 'a', '60'],
  ]) {
    ask(...command);
    expect([command, run('PTTL a')]).toEqual([command, 60_000]);
    expect(ask('PEXPIRETIME', 'a')).toBe(serviceNow + 60_000);
    expect(ask('EXPIRETIME', 'a')).toBe(serviceNow / 1000 + 60);
    ask('PERSIST', 'a');
  }
  expect([ask('EXPIRETIME', 'a'), ask('EXPIRETIME', 'none')]).toEqual([-1, -2]);
});

test('without a distance the target is as it is', () => {
  const target = { keyspace: manualKeyspace().keyspace };
  expect(onServiceTime(target, 0)).toBe(target);
});
