import { keptReports, type Coordinator, type Published } from '../state-nodes/coordinator.ts';
import type { CaseRunner } from './state-node-cases.ts';

/** One coordination engine for the length of a case, empty at first. */
export interface CoordinatorHarness {
  /** Another client of what is kept; the harness closes it. */
  readonly client: () => Coordinator;
  /** Lets this time pass for leases. */
  readonly pass: (ms: number) => Promise<void>;
  /** Remembers all that is kept; what it gives goes back to it, as a server does that starts again from an old file. */
  readonly snapshot: () => Promise<() => Promise<void>>;
  readonly close: () => Promise<void>;
}

const long = 60_000;

/** What every engine of a coordinator must do. */
export function coordinatorCases(open: () => Promise<CoordinatorHarness>, runner: CaseRunner): void {
  const withHarness = (name: string, run: (harness: CoordinatorHarness) => Promise<void>): void => {
    runner.test(name, async () => {
      const harness = await open();
      try {
        await run(harness);
      } finally {
        await harness.close();
      }
    });
  };
  mapCases(withHarness, runner);
  raceCases(withHarness, runner);
  leaseCases(withHarness, runner);
  watchCases(withHarness, runner);
  rollbackCases(withHarness, runner);
  reportCases(withHarness, runner);
}

function reportCases(withHarness: WithHarness, { equal }: CaseRunner): void {
  withHarness('gives each report to one, in order, and keeps no more than so many', async ({ client }) => {
    const [a, b] = [client(), client()];
    equal(await a.takeReports(), []);
    await a.report('one é');
    await b.report('two');
    equal(await b.takeReports(), ['one é', 'two']);
    equal(await a.takeReports(), []);
    for (let number = 0; number < keptReports + 3; number++) await a.report(String(number));
    const taken = await b.takeReports();
    equal([taken.length, taken[0], taken.at(-1)], [keptReports, '3', String(keptReports + 2)]);
  });
}

type WithHarness = (name: string, run: (harness: CoordinatorHarness) => Promise<void>) => void;

function mapCases(withHarness: WithHarness, { equal }: CaseRunner): void {
  withHarness('has no map at first', async ({ client }) => {
    const coordinator = client();
    equal(await coordinator.get(), undefined);
    equal(await coordinator.since(0), undefined);
    equal(await coordinator.since(7), undefined);
    equal(await coordinator.compareAndSet(7, { map: 'early' }, 0), undefined);
    equal(await coordinator.get(), undefined);
  });

  withHarness('gives every client the newest map, byte by byte', async ({ client }) => {
    const map = JSON.stringify({ table: Buffer.alloc(196_608, 0xa7).toString('base64'), name: 'Übersicht\u0000\n“𝄞”' });
    const revision = await must(client().compareAndSet(0, { map }, 0));
    equal(revision > 0, true);
    equal(await client().get(), { revision, map });
    const next = await must(client().compareAndSet(revision, { map: '' }, 0));
    equal(next > revision, true);
    equal(await client().get(), { revision: next, map: '' });
  });

  withHarness('gives the diffs since a revision, in order', async ({ client }) => {
    const coordinator = client();
    const revisions = await publish(coordinator, 5);
    const newest = revisions.at(-1) as number;
    equal(await coordinator.since(revisions[1] as number), { revision: newest, diffs: ['+2\n', '+3\n', '+4\n'] });
    equal(await coordinator.since(newest), { revision: newest, diffs: [] });
    equal(await coordinator.since(0), { revision: newest, diffs: ['+0\n', '+1\n', '+2\n', '+3\n', '+4\n'] });
    equal(await coordinator.since(newest + 1), { revision: newest, map: 'map 4' });
  });

  withHarness('keeps 64 diffs, and gives the whole map to who is further behind', async ({ client }) => {
    const coordinator = client();
    const revisions = await publish(coordinator, 70);
    const newest = revisions.at(-1) as number;
    equal(await coordinator.since(revisions[5] as number), { revision: newest, diffs: Array.from({ length: 64 }, (_, index) => `+${index + 6}\n`) });
    equal(await coordinator.since(revisions[4] as number), { revision: newest, map: 'map 69' });
  });

  withHarness('gives the whole map across a change that came without a diff, even an empty diff is one', async ({ client }) => {
    const coordinator = client();
    const first = await must(coordinator.compareAndSet(0, { map: 'one', diff: 'to one' }, 0));
    const second = await must(coordinator.compareAndSet(first, { map: 'two' }, 0));
    equal(await coordinator.since(first), { revision: second, map: 'two' });
    const third = await must(coordinator.compareAndSet(second, { map: 'three', diff: '' }, 0));
    equal(await coordinator.since(second), { revision: third, diffs: [''] });
    equal(await coordinator.since(first), { revision: third, map: 'three' });
  });
}

function raceCases(withHarness: WithHarness, { equal }: CaseRunner): void {
  withHarness('lets exactly one of five clients win each of 50 races', async ({ client }) => {
    const clients = Array.from({ length: 5 }, () => client());
    let current = 0;
    for (let round = 0; round < 50; round++) {
      const outcomes = await Promise.all(clients.map((one, index) => one.compareAndSet(current, { map: `${round}/${index}` }, 0)));
      const winners = outcomes.flatMap((revision, index) => (revision === undefined ? [] : [{ revision, map: `${round}/${index}` }]));
      equal(winners.length, 1);
      const [winner] = winners as [Published];
      equal(winner.revision > current, true);
      equal(await clients[round % 5]?.get(), winner);
      current = winner.revision;
    }
  });

  withHarness('loses no update of clients that try until they succeed', async ({ client }) => {
    const add = async (coordinator: Coordinator): Promise<void> => {
      for (;;) {
        const before = await coordinator.get();
        const map = String(Number(before?.map ?? 0) + 1);
        if (await coordinator.compareAndSet(before?.revision ?? 0, { map }, 0) !== undefined) return;
      }
    };
    await Promise.all(Array.from({ length: 5 }, async () => {
      const coordinator = client();
      for (let n = 0; n < 50; n++) await add(coordinator);
    }));
    equal((await client().get())?.map, '250');
  });
}

function leaseCases(withHarness: WithHarness, { equal }: CaseRunner): void {
  withHarness('gives the lease to one holder, who may extend it under the same token', async ({ client }) => {
    const [a, b] = [client(), client()];
    const token = await must(a.lease('a', long));
    equal(token > 0, true);
    equal(await b.lease('b', long), undefined);
    equal(await a.lease('a', long), token);
    equal(await b.lease('b', long), undefined);
  });

  withHarness('lets exactly one of ten take a free lease', async ({ client }) => {
    const tokens = await Promise.all(Array.from({ length: 10 }, (_, index) => client().lease(`holder ${index}`, long)));
    equal(tokens.filter((token) => token !== undefined).length, 1);
  });

  withHarness('hands the lease on with rising tokens, when it is given back or has run out', async ({ client, pass }) => {
    const [a, b] = [client(), client()];
    const tokens = [await must(a.lease('a', long))];
    await b.release('b');
    equal(await b.lease('b', long), undefined);
    await a.release('a');
    tokens.push(await must(b.lease('b', 30)));
    await pass(60);
    tokens.push(await must(a.lease('a', 30)));
    await pass(60);
    tokens.push(await must(a.lease('a', long)));
    equal([...new Set(tokens)].sort((one, other) => one - other), tokens);
  });

  withHarness('keeps a lease that is extended', async ({ client, pass }) => {
    const [a, b] = [client(), client()];
    const token = await must(a.lease('a', 100));
    equal(await a.lease('a', long), token);
    await pass(200);
    equal(await b.lease('b', long), undefined);
    equal(await a.lease('a', long), token);
  });

  withHarness('refuses who held the lease before, from when it was given to another', async ({ client, pass }) => {
    const [old, current] = [client(), client()];
    const stale = await must(old.lease('old', 30));
    const first = await must(old.compareAndSet(0, { map: 'by old' }, stale));
    await pass(60);
    const second = await must(old.compareAndSet(first, { map: 'by old, while nobody holds it' }, stale));
    const token = await must(current.lease('current', long));
    equal(await old.compareAndSet(second, { map: 'too late' }, stale), undefined);
    const third = await must(current.compareAndSet(second, { map: 'by current' }, token));
    equal(await old.compareAndSet(third, { map: 'too late' }, stale), undefined);
    equal(await old.compareAndSet(third, { map: 'without a token' }, 0), undefined);
    equal(await old.get(), { revision: third, map: 'by current' });
  });

  withHarness('takes a token that it does not know, and refuses those before it from then on', async ({ client }) => {
    const coordinator = client();
    const token = await must(coordinator.lease('a', long));
    const revision = await must(coordinator.compareAndSet(0, { map: 'from before a rollback' }, token + 1000));
    equal(await coordinator.compareAndSet(revision, { map: 'x' }, token), undefined);
    const renewed = await must(coordinator.lease('a', long));
    equal(renewed > token + 1000, true);
    equal(await coordinator.compareAndSet(revision, { map: 'y' }, renewed) !== undefined, true);
  });
}

function watchCases(withHarness: WithHarness, { equal }: CaseRunner): void {
  withHarness('tells every watcher of the newest revision, whatever it knew, and after every burst', async ({ client }) => {
    const writer = client();
    const [first] = await publish(writer, 1);
    const watches = [0, first as number, 12].map((after) => watched(client(), after));
    for (let burst = 0; burst < 5; burst++) {
      const newest = (await publish(writer, 10)).at(-1) as number;
      for (const { told } of watches) await until(() => told.at(-1) === newest);
    }
    for (const { told } of watches) equal([...told].sort((one, other) => one - other), told);
    for (const { end } of watches) end();
  });

  withHarness('tells what was published before the watch began, and nothing to who knows it', async ({ client }) => {
    const revision = (await publish(client(), 1))[0] as number;
    const [knows, knowsNot] = [watched(client(), revision), watched(client(), 0)];
    await until(() => knowsNot.told.length > 0);
    const next = (await publish(client(), 1))[0] as number;
    await until(() => knows.told.length > 0 && knowsNot.told.length > 1);
    equal([knows.told, knowsNot.told], [[next], [revision, next]]);
  });

  withHarness('calls nobody whose watch has ended', async ({ client }) => {
    const shared = client();
    const [ended, other] = [watched(shared, 0), watched(shared, 0)];
    await publish(client(), 1);
    await until(() => ended.told.length > 0);
    ended.end();
    ended.end();
    const newest = (await publish(client(), 3)).at(-1);
    await until(() => other.told.at(-1) === newest);
    equal(ended.told.length, 1);
    other.end();
    const again = watched(shared, 0);
    await until(() => again.told.at(-1) === newest);
  });
}

function rollbackCases(withHarness: WithHarness, { equal }: CaseRunner): void {
  withHarness('answers an older revision after a rollback, and tells watchers so', async ({ client, snapshot }) => {
    const writer = client();
    const kept = (await publish(writer, 3)).at(-1) as number;
    const rollBack = await snapshot();
    const lost = (await publish(writer, 3)).at(-1) as number;
    const { told } = watched(client(), lost);
    await rollBack();
    await until(() => told.at(-1) === kept);
    equal(await answered(() => client().get()), { revision: kept, map: 'map 2' });
    equal(await client().since(lost), { revision: kept, map: 'map 2' });
  });

  withHarness('tells watchers when all is gone', async ({ client, snapshot }) => {
    const rollBack = await snapshot();
    const newest = (await publish(client(), 2)).at(-1) as number;
    const { told } = watched(client(), newest);
    await rollBack();
    await until(() => told.at(-1) === 0);
    equal(await answered(() => client().get()), undefined);
  });

  withHarness('never gives a revision, a diff or a token for another one that was lost', async ({ client, snapshot }) => {
    const writer = client();
    await publish(writer, 3);
    await writer.lease('a', long);
    const rollBack = await snapshot();
    await writer.release('a');
    const lostToken = await must(writer.lease('b', long));
    const lost = await publish(writer, 3, lostToken);
    const watches = lost.map((revision) => watched(client(), revision));
    await rollBack();
    await answered(() => client().release('a'));
    const token = await must(client().lease('c', long));
    equal(token > lostToken, true);
    const found = await publish(client(), 3, token);
    for (const revision of lost) {
      equal(found.includes(revision), false);
      equal(await client().compareAndSet(revision, { map: 'made from a map that was lost' }, token), undefined);
      equal(await client().since(revision), { revision: found[2], map: 'map 2' });
    }
    for (const { told } of watches) await until(() => told.at(-1) === found[2]);
  });
}

/** Publishes `count` maps in turn: `map <n>` with the diff `+<n>`. Their revisions. */
async function publish(coordinator: Coordinator, count: number, token = 0): Promise<number[]> {
  const revisions: number[] = [];
  let before = (await answered(() => coordinator.get()))?.revision ?? 0;
  for (let n = 0; n < count; n++) {
    before = await must(coordinator.compareAndSet(before, { map: `map ${n}`, diff: `+${n}\n` }, token));
    revisions.push(before);
  }
  return revisions;
}

function watched(coordinator: Coordinator, after: number): { readonly told: number[]; readonly end: () => void } {
  const told: number[] = [];
  return { told, end: coordinator.watch(after, (revision) => told.push(revision)) };
}

async function must<T>(answer: Promise<T | undefined>): Promise<T> {
  const value = await answer;
  if (value === undefined) throw new Error('the coordinator refused');
  return value;
}

/** Asks again after a failure: a connection from before a restart is found broken only when it is used. */
async function answered<T>(ask: () => Promise<T>): Promise<T> {
  for (let tries = 0; ; tries++) {
    try {
      return await ask();
    } catch (error) {
      if (tries >= 100) throw error;
      await delay(20);
    }
  }
}

/** Waits until something is so; a test that waits for ever fails by the runner's timeout. */
async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await delay(5);
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
