import { expect, test } from 'vitest';
import { memberSettings } from './member-setting.ts';

test('an address is enough', () => {
  expect(memberSettings(['embedded', 'redis://127.0.0.1:1'])).toEqual([
    { id: 'node-1', address: 'embedded', zone: 'zone-1', capacity: 1 }, { id: 'node-2', address: 'redis://127.0.0.1:1', zone: 'zone-2', capacity: 1 },
  ]);
});

test('id, zone and capacity can be told', () => {
  expect(memberSettings(['redis://:p,w@h:1,zone=a,capacity=0.5', 'embedded,id=b'])).toEqual([
    { id: 'node-1', address: 'redis://:p,w@h:1', zone: 'a', capacity: 0.5 }, { id: 'b', address: 'embedded', zone: 'b', capacity: 1 },
  ]);
});

test('members of the map before are known by address or id, and keep what is not told anew', () => {
  const before = memberSettings(['redis://h:1,zone=a,capacity=3', 'redis://h:2', 'redis://h:3']);
  expect(memberSettings(['redis://h:3', 'redis://h:4', 'redis://h:1', 'redis://h:5,id=node-2'], before)).toEqual([
    before[2], { id: 'node-4', address: 'redis://h:4', zone: 'zone-4', capacity: 1 }, before[0], { ...before[1], address: 'redis://h:5' },
  ]);
});

test.each(['embedded,colour=red', 'embedded,capacity=0', 'embedded,capacity=much', 'embedded,zone='])('%s is refused', (text) => {
  expect(() => memberSettings([text])).toThrow(expect.objectContaining({ code: 'config_invalid', hint: expect.any(String) as string }));
});

test('an id is given once', () => {
  expect(() => memberSettings(['embedded,id=a', 'redis://h:1,id=a'])).toThrow(/the id a/);
});
