import { memberName } from '../model/shard-map.ts';
import type { RegisterAnswer, RegisterOperation, SlotEntry } from '../state-nodes/slot-register.ts';
import { headsDigest } from '../state-nodes/slot-digest.ts';
import type { StateNode } from '../state-nodes/state-node.ts';
import { casesOf, codeOf, revisionOf, type CaseExceptions, type CaseRunner, type EngineUnderTest } from './state-node-case-kit.ts';

const slot = 7;
const [a, b, c] = ['redis:0/a', 'redis:0/b\u00ff\n ', 'redis:0/c'] as const;

/** A node in its present life, with its name in entries. */
async function known(node: StateNode): Promise<{ life: string; self: string; one: (operation: RegisterOperation) => Promise<RegisterAnswer | undefined> }> {
  const life = await node.life();
  return { life, self: memberName({ id: node.id, life }), one: async (operation) => (await node.apply(life, [operation]))[0] };
}

function entryOf(epoch: number, own: readonly string[], rest: Partial<SlotEntry> = {}): SlotEntry {
  return { incarnation: 0, epoch, own, old: [], joining: [], pull: 0, ...rest };
}

/** An answer that did what it was asked; `before`: the entry known until then. */
function ok(active: boolean, heads: readonly (readonly [string, string | null])[], before: SlotEntry | null): RegisterAnswer {
  return { status: 'ok', active, heads: heads.map(([key, head]) => ({ key, head })), before };
}

function swap(entry: SlotEntry, ...swaps: readonly (readonly [string, string | null, string | null])[]): RegisterOperation {
  return { op: 'swap', slot, entry, swaps: swaps.map(([key, expected, next]) => ({ key, expected, next })) };
}

/** What every engine must do with registers of slots. */
export function registerCases(engine: EngineUnderTest, runner: CaseRunner, exceptions: CaseExceptions): void {
  headCases(engine, runner, exceptions);
  changeCases(engine, runner, exceptions);
  lookCases(engine, runner, exceptions);
  raceCases(engine, runner, exceptions);
  lifeCases(engine, runner, exceptions);
}

function headCases(engine: EngineUnderTest, runner: CaseRunner, exceptions: CaseExceptions): void {
  const declare = casesOf('registers', engine, runner, exceptions);

  declare('has no heads where nobody wrote, and serves for whom it owns', async (node) => {
    const { self, one } = await known(node);
    runner.equal(await one({ op: 'read', slot, entry: entryOf(1, [self]), keys: [a, b] }), ok(true, [[a, null], [b, null]], null));
    runner.equal(await one({ op: 'read', slot: 8, entry: entryOf(1, ['another@1']), keys: [] }), ok(false, [], null));
  });

  declare('swaps all heads or none', async (node) => {
    const { self, one } = await known(node);
    const entry = entryOf(1, [self]);
    runner.equal(await one(swap(entry, [a, null, 'a1'], [b, null, 'b1 \u{1f600}'])), ok(true, [], null));
    runner.equal(await one(swap(entry, [a, 'a1', 'a2'], [b, 'wrong', 'b2'])), { status: 'changed', active: true, heads: [{ key: a, head: 'a1' }, { key: b, head: 'b1 \u{1f600}' }] });
    runner.equal(await one(swap(entry, [a, 'a1', ''], [b, 'b1 \u{1f600}', null], [c, null, 'c1'])), ok(true, [], entry));
    runner.equal(await one({ op: 'read', slot, entry, keys: [c, b, a] }), ok(true, [[c, 'c1'], [b, null], [a, '']], entry));
  });

  declare('takes an operation that comes twice for what it is', async (node) => {
    const { self, one } = await known(node);
    const entry = entryOf(1, [self]);
    await one(swap(entry, [a, null, 'a1']));
    runner.equal(await one(swap(entry, [a, null, 'a1'])), { status: 'changed', active: true, heads: [{ key: a, head: 'a1' }] });
    const joining = entryOf(2, [self], { joining: [self], old: ['another@1'] });
    for (const before of [entry, joining]) runner.equal(await one({ op: 'fence', slot, entry: joining }), ok(false, [[a, 'a1']], before));
    for (let time = 0; time < 2; time++) runner.equal(await one({ op: 'activate', slot, entry: joining }), ok(true, [], joining));
  });

  declare('runs a batch in order, over many slots', async (node) => {
    const { life, self } = await known(node);
    const entry = entryOf(1, [self]);
    const operations: RegisterOperation[] = [];
    for (let slot = 0; slot < 300; slot++) {
      operations.push({ op: 'swap', slot, entry, swaps: [{ key: a, expected: null, next: `x${slot}` }] });
      operations.push({ op: 'swap', slot, entry, swaps: [{ key: a, expected: `x${slot}`, next: `y${slot}` }, { key: b, expected: null, next: 'b' }] });
      operations.push({ op: 'swap', slot, entry, swaps: [{ key: a, expected: `x${slot}`, next: 'never' }] });
      operations.push({ op: 'read', slot, entry, keys: [b, a] });
    }
    const answers = await node.apply(life, operations);
    runner.equal(answers.map(({ status }) => status), operations.map((_, place) => (place % 4 === 2 ? 'changed' : 'ok')));
    runner.equal(answers.filter((_, place) => place % 4 === 3), Array.from({ length: 300 }, (_, slot) => (ok(true, [[b, 'b'], [a, `y${slot}`]], entry))));
    runner.equal(await node.apply(life, []), []);
  });
}

function changeCases(engine: EngineUnderTest, runner: CaseRunner, exceptions: CaseExceptions): void {
  const declare = casesOf('registers', engine, runner, exceptions);

  declare('adopts a newer entry and refuses an older one with it', async (node) => {
    const { self, one } = await known(node);
    const [old, next] = [entryOf(4, [self]), entryOf(5, [self, 'another@1'], { old: [self], joining: ['another@1'] })];
    await one(swap(old, [a, null, 'a1']));
    runner.equal(await one({ op: 'read', slot, entry: next, keys: [a] }), ok(true, [[a, 'a1']], old));
    for (const operation of [swap(old, [a, 'a1', 'a2']), { op: 'read', slot, entry: old, keys: [a] }, { op: 'fence', slot, entry: old }, { op: 'activate', slot, entry: old }] as const) {
      runner.equal(await one(operation), { status: 'stale', entry: next });
    }
    const incarnated = entryOf(5, [self], { incarnation: 1 });
    runner.equal(await one({ op: 'fence', slot, entry: { ...incarnated, epoch: 4 } }), { status: 'stale', entry: next });
    runner.equal(await one({ op: 'fence', slot, entry: incarnated }), ok(true, [[a, 'a1']], next));
    runner.equal(await one({ op: 'read', slot, entry: next, keys: [a] }), { status: 'stale', entry: incarnated });
  });

  declare('serves only once it is activated for this very entry', async (node) => {
    const { self, one } = await known(node);
    const joins = (epoch: number): SlotEntry => entryOf(epoch, [self], { old: ['another@1'], joining: [self] });
    runner.equal(await one(swap(joins(2), [a, null, 'a1'])), ok(false, [], null));
    runner.equal(await one({ op: 'activate', slot, entry: joins(2) }), ok(true, [], joins(2)));
    runner.equal(await one({ op: 'read', slot, entry: joins(2), keys: [a] }), ok(true, [[a, 'a1']], joins(2)));
    runner.equal(await one({ op: 'read', slot, entry: joins(3), keys: [a] }), ok(false, [[a, 'a1']], joins(2)));
  });

  declare('releases heads only for who owns nothing, and only the very heads', async (node) => {
    const { self, one } = await known(node);
    await one(swap(entryOf(1, [self]), [a, null, 'a1'], [b, null, 'b1']));
    const heads = new Map([[a, 'a1'], [b, 'b1']]);
    const release = (entry: SlotEntry, digest: string): RegisterOperation => ({ op: 'release', slot, entry, digest });
    runner.equal((await one(release(entryOf(1, [self]), headsDigest(heads))))?.status, 'changed');
    runner.equal((await one(release(entryOf(2, ['another@1']), headsDigest(new Map([[a, 'a1']])))))?.status, 'changed');
    runner.equal(await one(release(entryOf(2, ['another@1']), headsDigest(heads))), ok(false, [], entryOf(2, ['another@1'])));
    runner.equal(await one({ op: 'fence', slot, entry: entryOf(2, ['another@1']) }), ok(false, [], entryOf(2, ['another@1'])));
  });
}

function lookCases(engine: EngineUnderTest, runner: CaseRunner, exceptions: CaseExceptions): void {
  const declare = casesOf('registers', engine, runner, exceptions);

  declare('shows a register without adopting anything', async (node) => {
    const { self, one } = await known(node);
    const empty = { status: 'seen', state: { entry: null, activated: null }, digest: '0'.repeat(16) };
    for (let time = 0; time < 2; time++) runner.equal(await one({ op: 'look', slot }), empty);
    const entry = entryOf(3, [self], { old: ['another@1'], joining: [self] });
    await one(swap(entry, [a, null, 'a1'], [b, null, 'b1']));
    await one({ op: 'activate', slot, entry });
    runner.equal(await one({ op: 'look', slot }), { status: 'seen', state: { entry, activated: '0.3' }, digest: headsDigest(new Map([[a, 'a1'], [b, 'b1']])) });
    runner.equal(await one({ op: 'read', slot, entry, keys: [] }), ok(true, [], entry));
  });
}

function raceCases(engine: EngineUnderTest, runner: CaseRunner, exceptions: CaseExceptions): void {
  const declare = casesOf('registers', engine, runner, exceptions);

  declare('loses no update of two clients that race on one head 200 times', async (node) => {
    const other = await engine.second(node);
    const { life, self } = await known(node);
    const entry = entryOf(1, [self]);
    const increment = async (client: StateNode): Promise<void> => {
      for (let head: string | null = null; ;) {
        const [answer]: RegisterAnswer[] = await client.apply(life, [swap(entry, [a, head, String(Number(head ?? 0) + 1)])]);
        if (answer?.status === 'ok') return;
        if (answer?.status !== 'changed') throw new Error(`unexpected: ${JSON.stringify(answer)}`);
        head = answer.heads[0]?.head ?? null;
      }
    };
    await Promise.all([node, other].map(async (client) => {
      for (let round = 0; round < 100; round++) await increment(client);
    }));
    runner.equal(await node.apply(life, [{ op: 'read', slot, entry, keys: [a] }]), [ok(true, [[a, '200']], entry)]);
    if (other !== node) await other.close();
  });

  declare('gives a fence every head that was acknowledged before it, and refuses those after', async (node) => {
    const other = await engine.second(node);
    const { life, self, one } = await known(node);
    for (let round = 0; round < 30; round++) {
      const [old, next] = [entryOf(2 * round + 1, [self]), entryOf(2 * round + 2, ['another@1'], { old: [self], joining: ['another@1'] })];
      const keys = Array.from({ length: 5 }, (_, index) => `redis:0/${round}:${index}`);
      const writes = keys.map(async (key) => [key, (await other.apply(life, [swap(old, [key, null, 'x'])]))[0]?.status] as const);
      const fence = await one({ op: 'fence', slot, entry: next });
      const fenced = fence?.status === 'ok' ? fence.heads.map(({ key }) => key) : [];
      for (const [key, status] of await Promise.all(writes)) runner.equal([key, status], [key, fenced.includes(key) ? 'ok' : 'stale']);
    }
    if (other !== node) await other.close();
  });

  declare('lets clients on different heads of one slot go on beside each other', async (node) => {
    const other = await engine.second(node);
    const { life, self } = await known(node);
    const entry = entryOf(1, [self]);
    const keys = Array.from({ length: 40 }, (_, index) => `redis:0/{one}:${index}`);
    const statuses = await Promise.all(keys.map(async (key, index) => (await (index % 2 === 0 ? node : other).apply(life, [swap(entry, [key, null, key])]))[0]?.status));
    runner.equal(statuses, keys.map(() => 'ok'));
    const [fence] = await node.apply(life, [{ op: 'fence', slot, entry }]);
    runner.equal(fence?.status === 'ok' ? fence.heads.map(({ head }) => head).sort() : fence, [...keys].sort());
    if (other !== node) await other.close();
  });
}

function lifeCases(engine: EngineUnderTest, runner: CaseRunner, exceptions: CaseExceptions): void {
  const declare = casesOf('life', engine, runner, exceptions);

  declare('has one life for all clients, as long as it keeps what it holds', async (node) => {
    const other = await engine.second(node);
    const life = await node.life();
    await node.write([revisionOf(a, 1, Buffer.from('x'))]);
    await node.apply(life, [swap(entryOf(1, []), [a, null, 'a1'])]);
    runner.equal([await node.life(), await other.life()], [life, life]);
    if (other !== node) await other.close();
  });

  declare('refuses everything in another life', async (node) => {
    const { life, self, one } = await known(node);
    const entry = entryOf(1, [self]);
    for (const operation of [swap(entry, [a, null, 'a1']), { op: 'read', slot, entry, keys: [a] }, { op: 'fence', slot, entry }, { op: 'look', slot }] as const) {
      runner.equal(await codeOf(node.apply(`${life}0`, [operation])), 'state_node_restarted');
    }
    runner.equal(await one({ op: 'fence', slot, entry }), ok(true, [], null));
  });

  declare('begins a new life when it has lost its memory', async (node) => {
    const before = await known(node);
    const entry = entryOf(1, [before.self]);
    await node.write([revisionOf(a, 1, Buffer.from('x'))]);
    await before.one(swap(entry, [a, null, 'a1']));
    await before.one({ op: 'read', slot: 8, entry, keys: [] });
    const again = await engine.forget(node);
    const operations: RegisterOperation[] = [{ op: 'read', slot, entry, keys: [a] }, swap(entry, [a, 'a1', 'a2']), { op: 'fence', slot: 8, entry }, { op: 'fence', slot: 9, entry }, { op: 'look', slot }, { op: 'look', slot: 9 }];
    for (const operation of operations) runner.equal(await codeOf(again.apply(before.life, [operation])), 'state_node_restarted');
    runner.equal(await again.read([{ key: a, revision: 1 }]), [undefined]);
    const after = await known(again);
    runner.equal(after.life === before.life, false);
    runner.equal(await after.one({ op: 'fence', slot, entry: entryOf(1, [after.self]) }), ok(true, [], null));
    if (again !== node) await again.close();
  });
}
