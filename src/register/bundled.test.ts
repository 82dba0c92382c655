import { Script } from 'node:vm';
import { expect, test } from 'vitest';
import { markBundled } from './bundled.ts';

const lookUp = '$fs=globalThis[Symbol.for("foreshard.adoptClient")]';

test.each([
  ['a method', 'class C{initPromise(){let p}}'],
  ['a method of a minified class', 'class a{addCommand(e,t={}){return e}}'],
  ['a method of a cache', 'class b{async handleCache(e){}trackingOn(){return[]}}'],
  ['a method of a pool', 'class p{get tasksQueueLength(){return 0}addCommand(){}execute(e){return new Promise((t,n)=>{})}}'],
  ['a method that is assigned', 'C.prototype.initPromise = function () { return 1; };'],
  ['a named function', 'RedisClient.prototype.internal_send_command = function internal_send_command (command_obj) {}'],
])('%s that every command passes gets a look-up, on the same line', (_what, source) => {
  const marked = markBundled(source);
  expect(marked).toContain(lookUp);
  expect(marked.split('\n')).toHaveLength(source.split('\n').length);
  expect(() => new Script(`{${marked}}`)).not.toThrow();
});

test.each(['queue.addCommand(a, b); { }', 'this.initPromise();', 'if (x.addCommand(a)) { y() }', 'const text = 1;'])('%s stays as it is', (source) => {
  expect(markBundled(source)).toBe(source);
});

test('a pool is spoilt where it is refilled, minified or not; other buffers are left alone', () => {
  const nanoid = 'let F=e=>{!l||l.length<e?(l=Buffer.allocUnsafe(e*128),h.randomFillSync(l),u=0):u+e>l.length&&(h.randomFillSync(l),u=0),u+=e};';
  const uuid = 'function rng() {\n  if (poolPtr > rnds8Pool.length - 16) {\n    crypto.randomFillSync(rnds8Pool);\n    poolPtr = 0;\n  }\n  return rnds8Pool.slice(poolPtr, poolPtr += 16);\n}';
  const marks = (source: string): number => markBundled(source).split('foreshard.spoilPool').length - 1;
  expect([marks(nanoid), marks(uuid)]).toEqual([2, 1]);
  expect(marks('const key = Buffer.alloc(256); crypto.randomFillSync(key); count = 0;')).toBe(0);
  expect(marks('if (at > pool.length) crypto.randomFillSync(pool); use(pool)')).toBe(0);
});
