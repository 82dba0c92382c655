import { expect, test } from 'vitest';
import { sleep, type Timing } from '../lib/timing.ts';
import { ForeshardError } from '../model/errors.ts';
import { HeartbeatLoop } from './heartbeats.ts';
import { MembershipDetector, type MembershipChange, type MembershipOptions } from './membership.ts';

/** Time that passes when it is told to. */
class ManualTiming implements Timing {
  #now = 0;
  #timers: { readonly at: number; readonly run: () => void }[] = [];

  now(): number {
    return this.#now;
  }

  random(): number {
    return 0.5;
  }

  after(ms: number, run: () => void): () => void {
    const timer = { at: this.#now + ms, run };
    this.#timers.push(timer);
    return () => void (this.#timers = this.#timers.filter((one) => one !== timer));
  }

  /** Passes time timer by timer; `atOnce`: as for a process that was stopped meanwhile. */
  async pass(ms: number, { atOnce = false } = {}): Promise<void> {
    const until = this.#now + ms;
    if (atOnce) this.#now = until;
    for (;;) {
      await new Promise((resolve) => setImmediate(resolve));
      const next = this.#timers.filter(({ at }) => at <= until).sort((a, b) => a.at - b.at)[0];
      if (next === undefined) break;
      this.#timers = this.#timers.filter((one) => one !== next);
      this.#now = Math.max(this.#now, next.at);
      next.run();
    }
    this.#now = until;
  }
}

class FakeNode {
  readonly id: string;
  readonly #timing: Timing;
  asked = 0;
  answer: 'life' | 'refuse' | 'hang' | number = 'life';
  life_ = '1';

  constructor(id: string, timing: Timing) {
    this.id = id;
    this.#timing = timing;
  }

  async life(): Promise<string> {
    this.asked += 1;
    const life = this.life_;
    if (this.answer === 'refuse') throw new ForeshardError('state_node_unreachable', `State node ${this.id} is not there.`);
    if (this.answer === 'hang') return new Promise(() => {});
    if (this.answer !== 'life') await sleep(this.#timing, this.answer);
    return life;
  }
}

function started(ids: readonly string[], options: MembershipOptions = {}): { timing: ManualTiming; nodes: Map<string, FakeNode>; changes: string[]; loop: HeartbeatLoop } {
  const timing = new ManualTiming();
  const nodes = new Map(ids.map((id) => [id, new FakeNode(id, timing)]));
  const changes: string[] = [];
  const say = ({ id, life, from, condition }: MembershipChange): string => `${timing.now()} ${id}@${life ?? '?'} ${from ?? 'new'}>${condition}`;
  const loop = new HeartbeatLoop({ nodes: () => nodes.values(), detector: new MembershipDetector(options), timing, onChange: (found) => changes.push(...found.map(say)) });
  loop.start();
  return { timing, nodes, changes, loop };
}

test('tells who is there, who falls silent and who comes back', async () => {
  const { timing, nodes, changes, loop } = started(['a', 'b', 'c']);
  await timing.pass(1000);
  expect(changes.splice(0)).toEqual(['0 a@? new>suspected', '0 b@? new>suspected', '0 c@? new>suspected', '0 a@1 suspected>up', '0 b@1 suspected>up', '0 c@1 suspected>up']);
  (nodes.get('b') as FakeNode).answer = 'refuse';
  (nodes.get('c') as FakeNode).answer = 'hang';
  await timing.pass(2000);
  expect(changes.splice(0)).toEqual(['1500 b@1 up>suspected', '1500 c@1 up>suspected', '2000 b@1 suspected>dead', '2000 c@1 suspected>dead']);
  expect(loop.states.map(({ reason }) => reason.replace(/\d+ ms, \d+/, ''))).toEqual(['heard', 'silent for  heartbeats failed: State node b is not there.', 'silent for  heartbeats failed: no answer within 500 ms']);
  for (const node of nodes.values()) node.answer = 'life';
  await timing.pass(1000);
  expect(changes.map((line) => line.split(' ').slice(1).join(' '))).toEqual(['b@1 dead>up', 'c@1 dead>up']);
  loop.stop();
});

test('asks nobody twice at a time, and takes a late answer for none', async () => {
  const { timing, nodes, changes, loop } = started(['a', 'b']);
  const slow = nodes.get('b') as FakeNode;
  slow.answer = 400;
  await timing.pass(4000);
  expect(slow.asked).toBeLessThanOrEqual(9); // every second beat
  expect(loop.states[1]?.condition).toBe('up');
  slow.answer = 600;
  await timing.pass(4000);
  expect(loop.states[1]).toMatchObject({ condition: 'dead', life: '1' });
  slow.life_ = '2'; // whatever a late answer says
  await timing.pass(4000);
  expect(changes.filter((line) => line.includes('b@2'))).toEqual([]);
  loop.stop();
});

test('buries a member that lost its memory at the next beat', async () => {
  const { timing, nodes, changes, loop } = started(['a', 'b']);
  await timing.pass(900);
  changes.length = 0;
  (nodes.get('b') as FakeNode).life_ = '2';
  await timing.pass(200);
  expect(changes).toEqual(['1000 b@1 up>dead', '1000 b@2 new>up']);
  loop.stop();
});

test.each([0, null])('takes nobody for dead after it was stopped itself (trust above %s)', async (trustAbove) => {
  const { timing, nodes, changes, loop } = started(['a', 'b', 'c'], { trustAbove });
  await timing.pass(1000);
  (nodes.get('c') as FakeNode).answer = 300;
  changes.length = 0;
  await timing.pass(60_000, { atOnce: true });
  await timing.pass(2000);
  expect(changes.filter((line) => line.endsWith('dead'))).toEqual([]);
  expect(loop.states.map(({ condition }) => condition)).toEqual(['up', 'up', 'up']);
  loop.stop();
});

test('lets members come and go, whatever they still answer', async () => {
  const { timing, nodes, loop } = started(['a']);
  await timing.pass(600);
  nodes.set('b', new FakeNode('b', timing));
  (nodes.get('a') as FakeNode).answer = 400;
  await timing.pass(300);
  expect(loop.states.map(({ id, condition }) => [id, condition])).toEqual([['a', 'up'], ['b', 'up']]);
  nodes.delete('a'); // at 900; asked at 750, answers at 1150, no longer expected from 1000 on
  await timing.pass(600);
  expect(loop.states.map(({ id }) => id)).toEqual(['b']);
  loop.stop();
});

test('is silent once stopped', async () => {
  const { timing, nodes, changes, loop } = started(['a']);
  await timing.pass(600);
  const node = nodes.get('a') as FakeNode;
  Object.assign(node, { answer: 200, life_: '2' });
  await timing.pass(200); // asked at 750
  const { asked } = node;
  changes.length = 0;
  loop.stop();
  await timing.pass(5000);
  expect([changes, node.asked, asked]).toEqual([[], asked, 4]);
});
