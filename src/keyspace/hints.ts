import type { ByteString } from '../lib/bytes.ts';
import type { OutcomeHint } from '../model/recording.ts';
import type { CommandContext } from './command.ts';
import type { KeyspaceHost } from './host.ts';

/** What is left of a keyspace's hints, by command, database and arguments, in recorded order. */
type HintQueues = Map<string, { readonly outcomes: (readonly ByteString[])[]; next: number }>;

const queuesByKeyspace = new WeakMap<KeyspaceHost, HintQueues>();

/**
 * The recorded outcome of this command, when there is one: the n-th use of the same command with the same arguments in the same
 * database gets the n-th hint. A hint is only a preference: a command follows it as far as the state at hand allows.
 */
export function nextHint(context: CommandContext, args: readonly ByteString[]): readonly ByteString[] | undefined {
  const { hints } = context.keyspace.options;
  if (hints === undefined || hints.length === 0) return undefined;
  let queues = queuesByKeyspace.get(context.keyspace);
  if (queues === undefined) {
    queues = queuesOf(hints);
    queuesByKeyspace.set(context.keyspace, queues);
  }
  const queue = queues.get(identity(context.name, context.db.index, args));
  return queue?.outcomes[queue.next++];
}

/** The items, those in the hint first and in its order, the others after them in their own order. */
export function inHintedOrder(hint: readonly ByteString[] | undefined, items: readonly ByteString[]): ByteString[] {
  if (hint === undefined || items.length < 2) return [...items];
  const rest = new Set(items);
  const out: ByteString[] = [];
  for (const item of hint) if (rest.delete(item)) out.push(item);
  return [...out, ...rest];
}

function queuesOf(hints: readonly OutcomeHint[]): HintQueues {
  const queues: HintQueues = new Map();
  for (const hint of hints) {
    const id = identity(hint.command, hint.database, hint.args);
    const queue = queues.get(id);
    if (queue === undefined) queues.set(id, { outcomes: [hint.outcome], next: 0 });
    else queue.outcomes.push(hint.outcome);
  }
  return queues;
}

/** Lengths in front make it unambiguous whatever bytes the arguments hold. */
function identity(command: string, database: number, args: readonly ByteString[]): string {
  return `${database} ${command} ${args.map((arg) => `${arg.length}:${arg}`).join('')}`;
}
