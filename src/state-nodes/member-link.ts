import { RunningQuantile } from '../lib/running-quantile.ts';
import type { Member } from '../model/shard-map.ts';
import type { StateNode } from './state-node.ts';

/** Until a state node's own latencies are known it counts as late after this. */
const firstHedgeMs = 50;
/** A read that takes so many times its node's p95 counts as failed. */
const stallFactor = 4;

/** What a {@link MemberLink} is made of. */
export interface MemberLinkOptions {
  /** Its number among the links of a router, for as long as that lives. */
  readonly place: number;
  readonly member: Member;
  readonly open: (member: Member) => Promise<StateNode>;
  /** Whether the state node is this link's to close. */
  readonly owned: boolean;
}

/** A router's connection to one member: its state node, opened when it is first needed, and how quickly it answers. */
export class MemberLink {
  readonly place: number;
  readonly member: Member;
  /** Latencies of reads, in milliseconds. */
  readonly p95: RunningQuantile = new RunningQuantile(0.95);
  readonly #options: MemberLinkOptions;
  #node: StateNode | undefined;
  #opening: Promise<StateNode> | undefined;
  #inUse = 0;
  #isRetired = false;

  constructor(options: MemberLinkOptions) {
    this.place = options.place;
    this.member = options.member;
    this.#options = options;
  }

  /** After how long without an answer another replica is asked too. */
  hedgeAfterMs(floorMs: number): number {
    return Number.isNaN(this.p95.value) ? Math.max(floorMs, firstHedgeMs) : Math.max(floorMs, this.p95.value);
  }

  /** After how long without an answer the state node counts as failed. */
  stallAfterMs(floorMs: number): number {
    return Number.isNaN(this.p95.value) ? floorMs : Math.max(floorMs, stallFactor * this.p95.value);
  }

  /** Runs an operation on the state node. @throws ForeshardError what it throws, or what opening it did */
  async use<T>(run: (node: StateNode) => Promise<T>): Promise<T> {
    const node = this.begin();
    try {
      return await run(node instanceof Promise ? await node : node);
    } finally {
      this.end();
    }
  }

  /** The state node, or that it is being opened, for an operation of which {@link end} is told: reads cannot afford what {@link use} costs. */
  begin(): StateNode | Promise<StateNode> {
    this.#inUse += 1;
    return this.#node ?? this.#opened();
  }

  /** An operation that {@link begin} began has ended. */
  end(): void {
    this.#inUse -= 1;
    if (this.#isRetired && this.#inUse === 0) this.#close().catch(() => {}); // it is gone, and nobody waits for it
  }

  /** Closes the state node, if it is this link's, once nothing is under way on it. */
  async retire(): Promise<void> {
    this.#isRetired = true;
    if (this.#inUse === 0) await this.#close();
  }

  #opened(): Promise<StateNode> {
    this.#opening ??= this.#options.open(this.member).then((node) => (this.#node = node), (error: unknown) => {
      this.#opening = undefined; // tried again by whoever needs it next
      throw error;
    });
    return this.#opening;
  }

  async #close(): Promise<void> {
    if (!this.#options.owned) return;
    const node = this.#node;
    this.#node = undefined;
    this.#opening = undefined;
    await node?.close();
  }
}
