import { ErrorReply, type Reply } from '../../keyspace/reply.ts';
import type { ByteString } from '../../lib/bytes.ts';
import type { CommandPart } from './recording-command.ts';
import { isNull, itemsOf, outcomeOf } from './recording-replies.ts';
import type { Comparison } from './recording-traits.ts';

/** What to run on the mirror for a command, and what it must answer. */
export interface MirrorForm {
  readonly args: readonly ByteString[];
  readonly expected: Reply;
  readonly comparison: Comparison;
}

/**
 * The form in which the mirror can follow a command, given the server's reply: what the server chose by chance or by its clock is
 * put in its place. undefined: it changed nothing and the mirror need not run it; it read its keys.
 */
export function mirrorForm(part: CommandPart, reply: Reply): MirrorForm | undefined {
  const { args, traits: { name, comparison } } = part;
  if (comparison === 'metadata') return undefined;
  if (name === 'SPOP') return removalForm(args, reply);
  if (comparison === 'undetermined') return undefined;
  if (name === 'XADD' && typeof reply === 'string') return additionForm(args, reply);
  if (name === 'SORT') return args.some((arg) => /^store$/i.test(arg)) ? { args, expected: reply, comparison: 'reread' } : undefined;
  if (part.traits.mayBlock) return unblockedForm(args, name, reply);
  return { args, expected: reply, comparison };
}

/** SPOP as SREM of what it popped. */
function removalForm(args: readonly ByteString[], reply: Reply): MirrorForm | undefined {
  if (reply instanceof ErrorReply) return { args, expected: reply, comparison: 'exact' };
  const popped = outcomeOf(reply, 'undetermined');
  if (popped.length === 0) return undefined;
  return { args: ['SREM', args[1] as ByteString, ...popped], expected: popped.length, comparison: 'exact' };
}

/** XADD with the id that the server gave. An approximate trim depends on the server's memory layout: that is read again. */
function additionForm(args: readonly ByteString[], id: ByteString): MirrorForm {
  const { idAt, isApproximate } = additionOptions(args);
  return { args: [...args.slice(0, idAt), id, ...args.slice(idAt + 1)], expected: id, comparison: isApproximate ? 'reread' : 'exact' };
}

/** The options of an XADD: where its id is, and how it trims. `maxLength`: null when it does not trim by length. */
export function additionOptions(args: readonly ByteString[]): { readonly idAt: number; readonly isApproximate: boolean; readonly maxLength: number | null } {
  let isApproximate = false;
  let maxLength: number | null = null;
  let at = 2;
  for (; at < args.length; at++) {
    const word = (args[at] as string).toUpperCase();
    if (word === 'MAXLEN' || word === 'MINID') {
      if (args[at + 1] === '~') isApproximate = true;
      if (args[at + 1] === '~' || args[at + 1] === '=') at++;
      at++;
      if (word === 'MAXLEN') maxLength = Number(args[at]);
    } else if (word === 'LIMIT') at++;
    else if (word !== 'NOMKSTREAM') break;
  }
  return { idAt: at, isApproximate, maxLength };
}

/** Whether it is clear before the reply that the mirror may not be able to follow this command by itself. */
export function mayNeedReread(part: CommandPart): boolean {
  const { name, comparison } = part.traits;
  if (name === 'SORT') return part.modes.some((mode) => mode !== 'read');
  return comparison === 'reread' || (name === 'XADD' && additionOptions(part.args).isApproximate);
}

/** A blocking command that was answered found what it answers with: the mirror, asked for just that key, finds the same. */
function unblockedForm(args: readonly ByteString[], name: string, reply: Reply): MirrorForm | undefined {
  const as = (form: readonly ByteString[]): MirrorForm => ({ args: form, expected: reply, comparison: 'exact' });
  if (name === 'XREADGROUP') return as(withoutBlock(args));
  if (isNull(reply) || name === 'XREAD' || name === 'WAIT' || name === 'WAITAOF') return undefined;
  const [key] = itemsOf(reply);
  if (typeof key !== 'string') return as(args); // BLMOVE and BRPOPLPUSH answer with the item alone
  switch (name) {
    case 'BLPOP': case 'BRPOP': case 'BZPOPMIN': case 'BZPOPMAX': return as([args[0] as ByteString, key, '0']);
    case 'BLMPOP': case 'BZMPOP': {
      const keys = Number(args[2]);
      return as([args[0] as ByteString, '0', '1', key, ...args.slice(3 + keys)]);
    }
    default: return as(args);
  }
}

function withoutBlock(args: readonly ByteString[]): readonly ByteString[] {
  const streams = args.findIndex((arg) => /^streams$/i.test(arg));
  const at = args.findIndex((arg, index) => index >= 4 && index < streams && /^block$/i.test(arg));
  return at < 0 ? args : [...args.slice(0, at), ...args.slice(at + 2)];
}
