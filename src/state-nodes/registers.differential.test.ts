import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { memberName } from '../model/shard-map.ts';
import { isInstalled, startServer, type RealServer, type StartedServer } from '../testing/real-servers.ts';
import { EmbeddedStateNode } from './embedded-state-node.ts';
import { openStateNode } from './open-state-node.ts';
import { headsDigest } from './slot-digest.ts';
import type { RegisterAnswer, RegisterOperation, SlotEntry } from './slot-register.ts';

/** An operation before it is known how the node is called and which heads there are. */
type Draft =
  | { readonly op: 'look'; readonly slot: number }
  | { readonly op: 'read'; readonly slot: number; readonly entry: number; readonly keys: readonly string[] }
  | { readonly op: 'swap'; readonly slot: number; readonly entry: number; readonly swaps: readonly { readonly key: string; readonly guess: 'right' | 'none' | 'wrong'; readonly next: string | null }[] }
  | { readonly op: 'fence' | 'activate'; readonly slot: number; readonly entry: number }
  | { readonly op: 'release'; readonly slot: number; readonly entry: number; readonly isRight: boolean };

const slot = fc.nat(2);
const entry = fc.nat(5);
const key = fc.constantFrom('redis:0/a', 'redis:0/b', 'redis:0/\u00e9\n', '');
const head = fc.option(fc.oneof(fc.string({ unit: 'binary', maxLength: 6 }), fc.constantFrom('x', '-', '+')), { nil: null });
const draft: fc.Arbitrary<Draft> = fc.oneof(
  fc.record({ op: fc.constant('look' as const), slot }),
  fc.record({ op: fc.constant('read' as const), slot, entry, keys: fc.array(key, { maxLength: 3 }) }),
  { weight: 4, arbitrary: fc.record({ op: fc.constant('swap' as const), slot, entry, swaps: fc.array(fc.record({ key, guess: fc.constantFrom('right' as const, 'right' as const, 'none' as const, 'wrong' as const), next: head }), { minLength: 1, maxLength: 3 }) }) },
  fc.record({ op: fc.constantFrom('fence' as const, 'activate' as const), slot, entry }),
  fc.record({ op: fc.constant('release' as const), slot, entry, isRight: fc.boolean() }),
);

/** Six entries, each newer than the one before: the node owns, is joining, or does not own any longer; the last is of a newer incarnation. */
function entriesOf(self: string): SlotEntry[] {
  const kinds: readonly Partial<SlotEntry>[] = [{ own: [self] }, { own: [self], old: ['b@1'], joining: [self], pull: 1 }, { own: ['b@1'] }, { own: [self, 'b@1'], old: ['b@1'], joining: [self], pull: 1 }, { own: [self] }, { own: ['b@1'], incarnation: 1 }];
  return kinds.map((kind, index) => ({ incarnation: 0, epoch: index + 1, own: [], old: [], joining: [], pull: 0, ...kind }));
}

/** The operation, as things stand on the embedded node. */
async function operationOf(draft: Draft, self: string, headsOf: (slot: number) => ReadonlyMap<string, string>): Promise<RegisterOperation> {
  if (draft.op === 'look') return draft;
  const { slot } = draft;
  const heads = headsOf(slot);
  const entry = entriesOf(self)[draft.entry] as SlotEntry;
  switch (draft.op) {
    case 'read': return { op: 'read', slot, entry, keys: draft.keys };
    case 'fence': case 'activate': return { op: draft.op, slot, entry };
    case 'release': return { op: 'release', slot, entry, digest: draft.isRight ? headsDigest(heads) : '0123456789abcdef' };
    case 'swap': return {
      op: 'swap', slot, entry,
      swaps: draft.swaps.map(({ key, guess, next }) => ({ key, next, expected: guess === 'right' ? heads.get(key) ?? null : guess === 'none' ? null : 'another' })),
    };
  }
}

/** The order of all heads of a slot is nobody's promise. */
function sorted(answers: readonly RegisterAnswer[], operations: readonly RegisterOperation[]): unknown[] {
  return answers.map((answer, index) => {
    if (!('heads' in answer) || !['fence', 'release'].includes(operations[index]?.op ?? '')) return answer;
    return { ...answer, heads: [...answer.heads].sort((a, b) => (a.key < b.key ? -1 : 1)) };
  });
}

describe.each([['redis-server', 'redis'], ['memcached', 'memcached']] as const)('%s', (program: RealServer, scheme) => {
  describe.skipIf(!isInstalled(program))('beside the embedded node', () => {
    let server: StartedServer;
    beforeAll(async () => {
      server = await startServer(program);
    });
    afterAll(() => server.stop());

    test('answers operations on registers alike, whatever they are', async () => {
      let namespaces = 0;
      await fc.assert(fc.asyncProperty(fc.array(fc.array(draft, { minLength: 1, maxLength: 5 }), { minLength: 1, maxLength: 12 }), async (batches) => {
        const real = await openStateNode({ id: 'n', address: `${scheme}://127.0.0.1:${server.port}` }, { namespace: `property-${++namespaces}` });
        const life = await real.life();
        const embedded = new EmbeddedStateNode({ id: 'n', life });
        const heads = new Map<number, Map<string, string>>();
        for (const drafts of batches) {
          const operations = await Promise.all(drafts.map((draft) => operationOf(draft, memberName({ id: 'n', life }), (slot) => heads.get(slot) ?? new Map())));
          const [answers, expected] = [await real.apply(life, operations), await embedded.apply(life, operations)];
          expect(sorted(answers, operations)).toEqual(sorted(expected, operations));
          for (const [index, operation] of operations.entries()) follow(heads, operation, expected[index] as RegisterAnswer);
        }
        await real.close();
      }), { numRuns: 150 });
    });
  });
});

/** What an operation has done to the heads. */
function follow(heads: Map<number, Map<string, string>>, operation: RegisterOperation, answer: RegisterAnswer): void {
  if (answer.status !== 'ok') return;
  const own = heads.get(operation.slot) ?? new Map<string, string>();
  heads.set(operation.slot, own);
  if (operation.op === 'release') own.clear();
  for (const { key, next } of operation.op === 'swap' ? operation.swaps : []) {
    if (next === null) own.delete(key);
    else own.set(key, next);
  }
}
