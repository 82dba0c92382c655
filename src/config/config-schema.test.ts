import { expect, test } from 'vitest';
import { configProblems } from './config-schema.ts';

test('state nodes as text, with what matters behind it, and as objects; replicas and consistency by kind', () => {
  expect(configProblems({
    stateNodes: ['embedded', 'redis://:p,w@h:1,zone=a,capacity=0.5', { address: 'foreshard://h:7070', zone: 'b', capacity: 2, id: 'x' }],
    replicas: { default: 2, redis: 3, 'http:catalogue': 1 }, consistency: { http: 'one' },
  })).toBeUndefined();
  expect(configProblems({ replicas: 2, consistency: 'all' })).toBeUndefined();
});

test.each([
  [{ stateNodes: ['redis://h:1,colour=red'] }, 'colour=red'],
  [{ stateNodes: ['redis://h:1,capacity=0'] }, 'capacity 0'],
  [{ stateNodes: ['http://h:1,zone=a'] }, 'memcached://host:port'],
  [{ stateNodes: [{ address: 'redis://h:1', colour: 'red' }] }, 'colour'],
  [{ stateNodes: [{ address: 'redis://h:1', capacity: -1 }] }, 'capacity'],
  [{ replicas: 0 }, 'replicas'],
  [{ replicas: { 'redis/0': 2 } }, 'redis/0'],
  [{ replicas: { redis: 17 } }, 'redis'],
  [{ consistency: 'most' }, 'quorum'],
  [{ consistency: { redis: 'some' } }, 'redis'],
])('%j is refused, and what is wrong is named', (config, named) => {
  expect(configProblems(config)).toContain(named);
});
