import type { OutcomeHint } from '../../src/model/recording.ts';
import type { PlainReply } from './comparison.ts';

/** Commands whose outcome a server draws at random: the keyspace is given the real server's as hints, and has to follow them. */
const random: ReadonlySet<string> = new Set(['SPOP', 'SRANDMEMBER', 'HRANDFIELD', 'ZRANDMEMBER', 'RANDOMKEY']);

/**
 * The hints a recording of these commands and replies would hold. Replies of a transaction stand inside its EXEC, so MULTI is followed
 * here as the server does; the database as SELECT leaves it.
 */
export function outcomeHints(commands: readonly (readonly string[])[], replies: readonly PlainReply[]): OutcomeHint[] {
  const hints: OutcomeHint[] = [];
  let database = 0;
  let queued: (readonly string[])[] | undefined;
  const note = (args: readonly string[], reply: PlainReply): void => {
    const command = (args[0] ?? '').toUpperCase();
    if (command === 'SELECT' && isSimple(reply, 'OK')) database = Number(args[1]);
    if (random.has(command)) hints.push({ command, args: args.slice(1), database, outcome: textsOf(reply) });
  };
  for (const [index, args] of commands.entries()) {
    const command = (args[0] ?? '').toUpperCase();
    const reply = replies[index] ?? null;
    if (command === 'MULTI' && isSimple(reply, 'OK')) queued = [];
    else if (queued !== undefined && isSimple(reply, 'QUEUED')) queued.push(args);
    else if (command === 'EXEC') {
      if (Array.isArray(reply)) for (const [at, one] of (queued ?? []).entries()) note(one, reply[at] as PlainReply);
      queued = undefined;
    } else if (command === 'DISCARD' || command === 'RESET') {
      queued = undefined;
      if (command === 'RESET') database = 0;
    } else note(args, reply);
  }
  return hints;
}

function isSimple(reply: PlainReply, text: string): boolean {
  return reply !== null && typeof reply === 'object' && 'simple' in reply && reply.simple === text;
}

function textsOf(reply: PlainReply): string[] {
  if (typeof reply === 'string') return [reply];
  return Array.isArray(reply) ? reply.flatMap((item: PlainReply) => textsOf(item)) : [];
}
