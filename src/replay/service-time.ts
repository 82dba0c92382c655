import type { KeyspaceTarget, ServedKeyspace } from '../gateways/redis/keyspace-target.ts';
import { shiftedCommand, shiftedReply } from '../gateways/redis/time-shift.ts';

/**
 * A case's target for a service whose clock is not the case's: points in time in its commands come from its own clock, which is `aheadMs` ahead,
 * and those it is told are given on it. So `EXPIREAT now + 60` is an expiry in 60 s, in every run.
 */
export function onServiceTime(target: KeyspaceTarget, aheadMs: number): KeyspaceTarget {
  if (aheadMs === 0) return target;
  const { keyspace } = target;
  const shifted: ServedKeyspace = {
    databaseCount: keyspace.databaseCount,
    execute: (session, args, deliver) => {
      const name = (args[0] ?? '').toUpperCase();
      keyspace.execute(session, shiftedCommand(name, args, -aheadMs), (reply) => deliver(shiftedReply(name, reply, aheadMs)));
    },
    end: (session) => keyspace.end(session),
    unblock: (session, how) => keyspace.unblock(session, how),
    database: (index) => keyspace.database(index),
    databases: () => keyspace.databases(),
  };
  return { ...target, keyspace: shifted };
}
