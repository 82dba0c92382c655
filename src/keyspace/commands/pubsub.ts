import type { ByteString } from '../../lib/bytes.ts';
import type { CommandContext, CommandSpec } from '../command.ts';
import { globMatcher } from '../glob.ts';
import type { SubscriptionKind } from '../host.ts';
import { nextHint } from '../hints.ts';
import { PushReply, type Reply } from '../reply.ts';
import { containerCommand } from './container.ts';

type Run = (context: CommandContext, args: readonly ByteString[]) => Reply;

/** One confirmation for each name: all but the last are pushed, the last is the command's reply, so that it has exactly one. */
function confirmations(context: CommandContext, messages: readonly PushReply[]): Reply {
  for (const message of messages.slice(0, -1)) context.session.push(message);
  return messages.at(-1) ?? null;
}

function subscribe(kind: SubscriptionKind): Run {
  const word = kind === 'channel' ? 'subscribe' : 'psubscribe';
  return (context, names) => {
    const { session, keyspace } = context;
    return confirmations(context, names.map((name) => new PushReply([word, name, keyspace.subscriptions.subscribe(session, kind, name)])));
  };
}

function unsubscribe(kind: SubscriptionKind): Run {
  const word = kind === 'channel' ? 'unsubscribe' : 'punsubscribe';
  return (context, names) => {
    const { session, keyspace } = context;
    const own = kind === 'channel' ? session.channels : session.patterns;
    const targets = names.length > 0 ? names : [...own];
    if (targets.length === 0) return new PushReply([word, null, session.channels.size + session.patterns.size]);
    return confirmations(context, targets.map((name) => new PushReply([word, name, keyspace.subscriptions.unsubscribe(session, kind, name)])));
  };
}

/** Who else listened, when it was recorded, is told by a hint: they are not part of what is replayed. */
const publish: Run = (context, [channel = '', message = '']) => {
  const { keyspace } = context;
  const [others = '0'] = nextHint(context, [channel]) ?? [];
  return keyspace.subscriptions.publish(channel, message) + (keyspace.options.publishOutside?.(channel, message) ?? 0) + Number(others);
};

const pubsub = containerCommand({
  name: 'pubsub', flags: ['pubsub', 'loading', 'stale'],
  subcommands: [
    {
      name: 'channels', arity: -2,
      run: ({ keyspace }, [pattern = '*']) => [...keyspace.subscriptions.channels()].filter(globMatcher(pattern)),
    },
    { name: 'numsub', arity: -2, run: ({ keyspace }, channels) => channels.flatMap((channel) => [channel, keyspace.subscriptions.subscriberCount(channel)]) },
    { name: 'numpat', arity: 2, run: ({ keyspace }) => keyspace.subscriptions.patternCount() },
  ],
});

const flags = ['pubsub', 'noscript', 'loading', 'stale'] as const;
const noKeys = [0, 0, 0] as const;

/** SUBSCRIBE, PUBLISH and their kin. */
export const pubsubCommands: readonly CommandSpec[] = [
  { name: 'subscribe', arity: -2, flags, keys: noKeys, run: subscribe('channel') },
  { name: 'psubscribe', arity: -2, flags, keys: noKeys, run: subscribe('pattern') },
  { name: 'unsubscribe', arity: -1, flags, keys: noKeys, run: unsubscribe('channel') },
  { name: 'punsubscribe', arity: -1, flags, keys: noKeys, run: unsubscribe('pattern') },
  {
    name: 'publish', arity: 3, flags: ['pubsub', 'loading', 'stale', 'fast'], keys: noKeys,
    run: publish,
  },
  pubsub,
];
