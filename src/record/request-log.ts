import { randomBytes } from 'node:crypto';
import type { OutcomeHint, RecordedCall, RecordedProblem, RequestId, RequestRecord, Touch } from '../model/recording.ts';
import type { StateKey } from '../model/state-key.ts';

const seedBytes = 16;
/** Random bytes for many seeds: asking the system for each costs more than all else of a request's beginning. */
let pool = Buffer.alloc(0);
let used = 0;

function nextSeed(): string {
  if (used === pool.length) {
    pool = randomBytes(256 * seedBytes);
    used = 0;
  }
  used += seedBytes;
  return pool.toString('hex', used - seedBytes, used);
}

/** One request while it is being recorded: what has been noted of it so far. */
export class OpenRequest {
  readonly id: RequestId;
  readonly index: number;
  readonly position: number;
  /** Unix milliseconds. */
  readonly at: number;
  readonly seed: string = nextSeed();
  readonly lane: string;
  readonly attribution: 'lane' | 'context';
  readonly #touches = new Map<StateKey, { revision: number; read: boolean; written: boolean; raced?: true }>();
  /** The newest revision of each element that it met or wrote. */
  readonly #newest = new Map<StateKey, number>();
  readonly #writes: { key: StateKey; revision: number }[] = [];
  readonly #calls: RecordedCall[] = [];
  readonly #hints: OutcomeHint[] = [];
  readonly #problems = new Map<string, RecordedProblem>();
  readonly #commandNames = new Set<string>();
  #commands = 0;
  #listedAt: number | undefined;
  #listedUntil: number | undefined;

  constructor(options: { readonly index: number; readonly position: number; readonly at: number; readonly lane: string; readonly attribution: 'lane' | 'context' }) {
    this.index = options.index;
    this.id = requestId(options.index);
    this.position = options.position;
    this.at = options.at;
    this.lane = options.lane;
    this.attribution = options.attribution;
  }

  /** The first touch of an element says which revision the request ran on; later ones only widen what it did. */
  touch(key: StateKey, revision: number, access: { readonly read: boolean; readonly written: boolean; readonly raced?: boolean }): void {
    const known = this.#touches.get(key);
    const newest = this.#newest.get(key) ?? revision;
    this.#newest.set(key, Math.max(newest, revision));
    if (known === undefined) this.#touches.set(key, { revision, read: access.read, written: access.written, ...access.raced === true ? { raced: true } : {} });
    else {
      known.read ||= access.read;
      known.written ||= access.written;
      if (revision > newest || access.raced === true) known.raced = true;
    }
  }

  /** The first listing of all keys says as of when the request knew which there are. */
  listing(position: number): void {
    this.#listedAt ??= position;
    this.#listedUntil = position;
  }

  /** A revision that it wrote: the next one of the element, unless somebody else got in between since it was touched. */
  write(key: StateKey, revision: number): void {
    const known = this.#touches.get(key);
    const newest = this.#newest.get(key);
    if (known !== undefined && newest !== undefined && revision > newest + 1) known.raced = true;
    this.#newest.set(key, revision);
    this.#writes.push({ key, revision });
  }

  /** No command and no call of it has come. */
  get isUntouched(): boolean {
    return this.#commands === 0 && this.#calls.length === 0;
  }

  call(call: RecordedCall): void {
    this.#calls.push(call);
  }

  hint(hint: OutcomeHint): void {
    this.#hints.push(hint);
  }

  command(name: string): void {
    this.#commands++;
    this.#commandNames.add(name);
  }

  problem(problem: RecordedProblem): void {
    this.#problems.set(`${problem.code} ${problem.key ?? problem.message}`, problem);
  }

  /** The record, once everything of the request has been seen. */
  finish(options: { readonly endPosition: number; readonly durationMs: number; readonly request: RequestRecord['request']; readonly response: RequestRecord['response'] }): RequestRecord {
    const touches: Touch[] = [...this.#touches].map(([key, touch]) => ({ key, ...touch }));
    return {
      kind: 'request', id: this.id, position: this.position, endPosition: options.endPosition, at: this.at, durationMs: options.durationMs,
      lane: this.lane, attribution: this.attribution, seed: this.seed, request: options.request, response: options.response,
      touches, writes: this.#writes, calls: [...this.#calls].sort((a, b) => a.position - b.position), hints: this.#hints,
      ...(this.#listedAt === undefined ? {} : { listedAt: this.#listedAt }),
      ...(this.#listedUntil === undefined || this.#listedUntil === this.#listedAt ? {} : { listedUntil: this.#listedUntil }), commands: this.#commands, commandNames: [...this.#commandNames].sort(), problems: [...this.#problems.values()],
    };
  }
}

/** `r000042` for the 42nd request. */
export function requestId(index: number): RequestId {
  return `r${String(index).padStart(6, '0')}`;
}

