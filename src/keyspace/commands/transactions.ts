import type { CommandContext, CommandSpec } from '../command.ts';
import { CommandError, OK, type Reply } from '../reply.ts';

function multi({ session }: CommandContext): Reply {
  if (session.transaction !== null) throw new CommandError('ERR MULTI calls can not be nested');
  session.transaction = { queue: [], aborted: false };
  return OK;
}

function discard({ session, keyspace }: CommandContext): Reply {
  if (session.transaction === null) throw new CommandError('ERR DISCARD without MULTI');
  session.transaction = null;
  keyspace.unwatch(session);
  return OK;
}

const flags = ['noscript', 'loading', 'stale', 'fast'] as const;
const noKeys = [0, 0, 0] as const;

/** MULTI, EXEC, DISCARD, WATCH, UNWATCH. */
export const transactionCommands: readonly CommandSpec[] = [
  { name: 'multi', arity: 1, flags, keys: noKeys, run: multi },
  { name: 'exec', arity: 1, flags: ['noscript', 'loading', 'stale'], keys: noKeys, run: ({ session, keyspace }) => keyspace.execTransaction(session) },
  { name: 'discard', arity: 1, flags, keys: noKeys, run: discard },
  {
    name: 'watch', arity: -2, flags, keys: [1, -1, 1],
    run: ({ session, keyspace }, keys) => {
      if (session.transaction !== null) throw new CommandError('ERR WATCH inside MULTI is not allowed');
      for (const key of keys) keyspace.watch(session, key);
      return OK;
    },
  },
  {
    name: 'unwatch', arity: 1, flags, keys: noKeys,
    run: ({ session, keyspace }) => {
      keyspace.unwatch(session);
      return OK;
    },
  },
];
