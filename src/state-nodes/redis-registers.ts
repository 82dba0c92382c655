import type { RedisCommand, RedisValue } from '../gateways/redis/redis-client.ts';
import type { ByteString } from '../lib/bytes.ts';
import { Lru } from '../lib/lru.ts';
import { ForeshardError } from '../model/errors.ts';
import { memberName } from '../model/shard-map.ts';
import type { StateKey } from '../model/state-key.ts';
import type { RedisLayout } from './redis-layout.ts';
import type { RedisNodeLink } from './redis-link.ts';
import { storeScript } from './redis-scripts.ts';
import { bySlot, decodeState, decodeText, encodeState, encodeText, runBatch, type SlotBatch } from './register-codec.ts';
import type { RegisterAnswer, RegisterOperation } from './slot-register.ts';

/** Field → value as it is kept; null: there is none. */
type Fields = Map<ByteString, ByteString | null>;

/** Registers whose state is remembered, so that a swap needs one round trip. */
const rememberedStates = 65_536;

/** Options of {@link RedisRegisters}. */
export interface RedisRegistersOptions {
  readonly id: string;
  readonly link: RedisNodeLink;
  readonly layout: RedisLayout;
  readonly expiryMs: number;
}

/**
 * Registers in Redis, a hash each. Every slot of a batch goes its own way: load what its operations look at, run them, store on condition that those fields are as they were.
 * All slots travel together, so a batch takes two round trips; swaps and activations begin with a guess (the state met last, the heads that are expected), which
 * makes it one: the script that stores gives the true values where the guess was wrong.
 */
export class RedisRegisters {
  readonly #options: RedisRegistersOptions;
  readonly #states = new Lru<string, ByteString>(rememberedStates);

  constructor(options: RedisRegistersOptions) {
    this.#options = options;
  }

  /** See `StateNode.apply`. */
  async apply(life: string, operations: readonly RegisterOperation[]): Promise<RegisterAnswer[]> {
    const { link } = this.#options;
    const answers = Array.from<RegisterAnswer>({ length: operations.length });
    let open = bySlot(operations).map((batch) => this.#attempt(life, batch));
    if (link.life !== life) await link.currentLife();
    while (open.length > 0) {
      this.#requireLife(life);
      const commands = open.map((attempt) => attempt.commands());
      const replies = await link.send(commands.flat());
      // A reply of a server that was started again meanwhile says nothing about this life.
      this.#requireLife(life);
      let at = 0;
      open = open.filter((attempt, index) => {
        const outcome = attempt.take(replies[at] as RedisValue);
        at += commands[index]?.length ?? 0;
        if (outcome === 'life') throw this.#restarted(life);
        if (outcome === undefined) return true;
        for (const [step, place] of attempt.batch.places.entries()) answers[place] = outcome[step] as RegisterAnswer;
        if (attempt.state !== null) this.#states.set(`${life} ${attempt.batch.slot}`, attempt.state);
        return false;
      });
    }
    return answers;
  }

  #attempt(life: string, batch: SlotBatch): RegisterAttempt {
    const { id, layout, expiryMs } = this.#options;
    return new RegisterAttempt({
      batch, life, layout, expiryMs, self: memberName({ id, life }), state: this.#states.get(`${life} ${batch.slot}`) ?? null,
      unreadable: (key) => layout.foreign(id, key, 'holds no register'),
    });
  }

  #requireLife(life: string): void {
    if (this.#options.link.life !== life) throw this.#restarted(life);
  }

  #restarted(life: string): ForeshardError {
    return new ForeshardError('state_node_restarted', `State node ${this.#options.id} has lost what it held in the life ${life}.`, { hint: 'It joins again by itself as a new member.' });
  }
}

interface AttemptOptions {
  readonly batch: SlotBatch;
  readonly life: string;
  readonly layout: RedisLayout;
  readonly expiryMs: number;
  readonly self: string;
  /** The state of the register as it was met last; null: never met. */
  readonly state: ByteString | null;
  readonly unreadable: (key: ByteString) => ForeshardError;
}

/** The operations of one slot on their way into its register. */
class RegisterAttempt {
  readonly batch: SlotBatch;
  readonly #options: AttemptOptions;
  readonly #key: ByteString;
  /** What is there, as far as is known; undefined: it must be loaded. */
  #fields: Fields | undefined;
  #isGuess = false;
  #answers: readonly RegisterAnswer[] = [];
  #changes: (readonly [ByteString, ByteString | null])[] = [];
  #isStoring = false;
  #state: ByteString | null = null;

  constructor(options: AttemptOptions) {
    this.#options = options;
    this.batch = options.batch;
    this.#key = options.layout.register(options.life, options.batch.slot);
    this.#guess();
  }

  /** The state of the register after it is done; null: it is not used. */
  get state(): ByteString | null {
    return this.#state;
  }

  /** What to send next; only the first reply counts. */
  commands(): RedisCommand[] {
    const { expiryMs, layout } = this.#options;
    this.#isStoring = this.#fields !== undefined;
    if (this.#isStoring) return [this.#store()];
    const { keys } = this.batch;
    const load = keys === 'all' ? ['HGETALL', this.#key] : ['HMGET', this.#key, 's', ...keys.map(fieldOf)];
    // A register that is used does not expire.
    return expiryMs === 0 ? [load] : [load, ['PEXPIRE', this.#key, String(expiryMs)], ['PEXPIRE', layout.node, String(expiryMs)]];
  }

  /** Takes the reply; the answers when all is done, `life` when this life is over. */
  take(reply: RedisValue): readonly RegisterAnswer[] | 'life' | undefined {
    if (!this.#isStoring) return this.#loaded(reply as readonly (ByteString | null)[]);
    if (reply === 1) return this.#answers;
    if (reply === 'life') return 'life';
    const isWhole = this.batch.keys === 'all';
    const names = [...this.#fields?.keys() ?? []];
    this.#fields = undefined;
    this.#isGuess = false;
    if (reply === 'again' || isWhole) return undefined;
    const values = reply as readonly ByteString[];
    return this.#run(new Map(names.map((name, index) => [name, values[index] === '-' ? null : (values[index] as string).slice(1)])));
  }

  #guess(): void {
    const expected = new Map<StateKey, string | null>();
    for (const operation of this.batch.operations) {
      if (operation.op !== 'swap' && operation.op !== 'activate') return;
      for (const swap of operation.op === 'swap' ? operation.swaps : []) if (!expected.has(swap.key)) expected.set(swap.key, swap.expected);
    }
    this.#isGuess = true;
    this.#run(new Map([['s', this.#options.state], ...[...expected].map(([key, head]) => [fieldOf(key), head === null ? null : encodeText(head)] as const)]));
  }

  #loaded(reply: readonly (ByteString | null)[]): readonly RegisterAnswer[] | undefined {
    const { keys } = this.batch;
    this.#isGuess = false;
    if (keys !== 'all') return this.#run(new Map(['s', ...keys.map(fieldOf)].map((name, index) => [name, reply[index] ?? null])));
    const fields: Fields = new Map([['s', null]]);
    for (let at = 0; at < reply.length; at += 2) fields.set(reply[at] as string, reply[at + 1] as string);
    return this.#run(fields);
  }

  /** Runs the operations on these fields; the answers where nothing has to be stored, the fields are no guess, and there is a register: then it is of this life. */
  #run(fields: Fields): readonly RegisterAnswer[] | undefined {
    const before = { state: this.#decoded(fields.get('s') ?? null), heads: headsOf(fields) };
    const { answers, state, heads } = runBatch(this.#options.self, before, this.batch.operations);
    this.#answers = answers;
    this.#state = state === before.state ? fields.get('s') ?? null : encodeState(state);
    const after = new Map<ByteString, ByteString | null>([['s', this.#state]]);
    for (const name of fields.keys()) if (name !== 's') after.set(name, null);
    for (const [key, head] of heads) after.set(fieldOf(key), encodeText(head));
    this.#changes = [...after].filter(([name, value]) => (fields.get(name) ?? null) !== value);
    if (this.#changes.length === 0 && this.#isGuess) return undefined;
    if (this.#changes.length === 0 && this.#state !== null) return answers;
    this.#fields = fields; // to be stored, or, where there is no register, to make sure that there need not be one
    return undefined;
  }

  #store(): RedisCommand {
    const { life, layout, expiryMs, batch } = this.#options;
    const fields = this.#fields ?? new Map<ByteString, ByteString | null>();
    const count = [...fields.values()].filter((value) => value !== null).length;
    return ['EVALSHA', storeScript.sha1, '2', layout.node, this.#key, life, String(batch.slot), String(expiryMs), batch.keys === 'all' ? String(count) : '',
      String(fields.size), ...[...fields, ...this.#changes].flatMap(([name, value]) => [name, value === null ? '-' : `+${value}`])];
  }

  #decoded(state: ByteString | null): ReturnType<typeof decodeState> {
    try {
      return decodeState(state);
    } catch {
      throw this.#options.unreadable(this.#key);
    }
  }
}

function fieldOf(key: StateKey): ByteString {
  return `h${key}`;
}

function headsOf(fields: Fields): Map<StateKey, string> {
  const heads = new Map<StateKey, string>();
  for (const [name, value] of fields) if (name !== 's' && value !== null) heads.set(name.slice(1), decodeText(value));
  return heads;
}
