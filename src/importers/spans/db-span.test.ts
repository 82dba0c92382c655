import { expect, test } from 'vitest';
import { ImportProblems, type InputProblems } from '../problems.ts';
import { accessesOf } from './db-span.ts';
import type { AttributeValue, TraceSpan } from './span.ts';

function seen(attributes: Readonly<Record<string, AttributeValue>>): { accesses: string[] | undefined; problems: InputProblems } {
  const problems = new ImportProblems().open({ input: 'a', format: 'otlp-json', expected: '', unit: 'record' });
  const span: TraceSpan = { traceId: 't', spanId: 's', parentId: null, kind: 'client', name: 'x', startMs: 1, service: 'shop', attributes: new Map(Object.entries(attributes)) };
  return { accesses: accessesOf(span, problems)?.map(({ key, access }) => `${access} ${key}`), problems };
}

test.each<[string, Readonly<Record<string, AttributeValue>>, string[] | undefined]>([
  ['today', { 'db.system.name': 'redis', 'db.query.text': 'GET a', 'db.namespace': '2' }, ['read redis:2/a']],
  ['yesterday', { 'db.system': 'redis', 'db.statement': 'SET a ?', 'db.redis.database_index': 3 }, ['write redis:3/a']],
  ['valkey', { 'db.system.name': 'valkey', 'db.query.text': 'MGET a b' }, ['read redis:0/a', 'read redis:0/b']],
  ['a name for a database', { 'db.system': 'redis', 'db.statement': 'GET a', 'db.name': 'sessions' }, ['read redis:0/a']],
  ['no statement', { 'db.system': 'redis' }, []],
  ['another database', { 'db.system': 'postgresql', 'db.statement': 'SELECT 1' }, undefined],
  ['no database', { 'http.method': 'GET' }, undefined],
  ['memcached', { 'db.system': 'memcached', 'db.statement': 'gets a b' }, ['read memcached:0/a', 'read memcached:0/b']],
  ['memcached, a value', { 'db.system': 'memcached', 'db.query.text': 'set a 0 60 5\r\nhello' }, ['write memcached:0/a']],
  ['memcached, get and touch', { 'db.system': 'memcached', 'db.statement': 'gat 60 a b' }, ['write memcached:0/a', 'write memcached:0/b']],
  ['keys that are told win', { 'db.system': 'redis', 'db.statement': 'GET x', 'foreshard.state.keys': ['a', '"b\\x00"'], 'foreshard.state.op': 'write' }, ['write redis:0/a', 'write redis:0/b\u0000']],
  ['an operation for each key', { 'db.system': 'redis', 'foreshard.state.keys': ['a', 'b'], 'foreshard.state.op': ['read', 'write'] }, ['read redis:0/a', 'write redis:0/b']],
  ['an operation of the command', { 'db.system': 'redis', 'db.operation.name': 'MULTI set', 'foreshard.state.keys': ['a'] }, ['write redis:0/a']],
  ['state of an SDK', { 'foreshard.state.keys': ['mem:sessions/42', 'nonsense'], 'foreshard.state.op': 'read' }, ['read mem:sessions/42']],
  ['keys without an operation', { 'foreshard.state.keys': ['mem:sessions/42'] }, []],
])('%s', (_, attributes, wanted) => {
  expect(seen(attributes).accesses).toEqual(wanted);
});

test('what is hidden is noted by command', () => {
  expect(seen({ 'db.system': 'redis', 'db.statement': 'mget [3 other arguments]' }).problems.notes).toEqual([{ what: 'keys hidden', subject: 'MGET', count: 3 }]);
  expect(seen({ 'db.system': 'redis', 'db.operation.name': 'HGETALL' }).problems.notes).toEqual([{ what: 'keys hidden', subject: 'HGETALL', count: 1 }]);
  expect(seen({ 'db.system': 'memcached', 'db.operation': 'get' }).problems.notes).toEqual([{ what: 'keys hidden', subject: 'GET', count: 1 }]);
  expect(seen({ 'db.system': 'redis', 'db.statement': 'NOSUCH a' }).problems.notes).toEqual([{ what: 'commands not known', subject: 'NOSUCH', count: 1 }]);
});
