import { waitFor, type Timing } from '../lib/timing.ts';
import { membershipChanges, type MemberState, type MembershipChange, type MembershipDetector } from './membership.ts';
import type { StateNode } from './state-node.ts';

/** Options of {@link HeartbeatLoop}. */
export interface HeartbeatOptions {
  /** Who is to be there; asked at every beat, so that members may come and go. */
  readonly nodes: () => Iterable<Pick<StateNode, 'id' | 'life'>>;
  readonly detector: MembershipDetector;
  readonly timing: Timing;
  /** An answer that takes longer is a missed heartbeat; two intervals when left out. */
  readonly timeoutMs?: number;
  /** Called when anything changed; never after {@link HeartbeatLoop.stop}. */
  readonly onChange: (changes: readonly MembershipChange[]) => void;
}

/** Asks every state node for its life at each interval of the detector, feeds the detector, and tells what changed. */
export class HeartbeatLoop {
  readonly #options: HeartbeatOptions;
  /** Nodes with a question under way: nobody is asked twice at a time. */
  readonly #asking = new Set<string>();
  #expected: ReadonlySet<string> = new Set();
  #states: readonly MemberState[] = [];
  #cancel: () => void = () => {};
  #isStopped = false;

  constructor(options: HeartbeatOptions) {
    this.#options = options;
  }

  /** What is thought of every member, as of the last change or beat. */
  get states(): readonly MemberState[] {
    return this.#states;
  }

  /** Beats at once, and at each interval until it is stopped. */
  start(): void {
    const { timing, detector } = this.#options;
    if (this.#isStopped) return;
    this.#beat();
    const dueAt = timing.now() + detector.intervalMs;
    this.#cancel = timing.after(detector.intervalMs, () => {
      // Held up for longer than an interval: nobody's silence is proved by an observer that was not there.
      if (timing.now() - dueAt > detector.intervalMs) detector.paused(timing.now());
      this.start();
    });
  }

  /** Ends the loop; answers that are still to come are ignored. */
  stop(): void {
    this.#isStopped = true;
    this.#cancel();
  }

  #beat(): void {
    const { nodes, detector, timing } = this.#options;
    const expected = new Map([...nodes()].map((node) => [node.id, node]));
    for (const id of this.#expected) if (!expected.has(id)) detector.remove(id);
    this.#expected = new Set(expected.keys());
    for (const node of expected.values()) {
      detector.add(node.id, timing.now());
      if (!this.#asking.has(node.id)) void this.#ask(node);
    }
    this.#look();
  }

  async #ask(node: Pick<StateNode, 'id' | 'life'>): Promise<void> {
    const { detector, timing } = this.#options;
    const timeoutMs = this.#options.timeoutMs ?? 2 * detector.intervalMs;
    this.#asking.add(node.id);
    const answer = await waitFor(timing, timeoutMs, node.life());
    this.#asking.delete(node.id);
    if (this.#isStopped || !this.#expected.has(node.id)) return;
    if (answer.status === 'done') detector.heard(node.id, answer.value, timing.now());
    else detector.missed(node.id, answer.status === 'late' ? `no answer within ${timeoutMs} ms` : messageOf(answer.error), timing.now());
    this.#look();
  }

  #look(): void {
    const { detector, timing, onChange } = this.#options;
    const before = this.#states;
    this.#states = detector.states(timing.now());
    const changes = membershipChanges(before, this.#states);
    if (changes.length > 0) onChange(changes);
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
