import type { ByteString } from '../../lib/bytes.ts';
import type { CommandContext, CommandSpec } from '../command.ts';
import { numberArgument, parseInt64 } from '../integers.ts';
import { CommandError, MapReply, OK, PONG, SimpleReply, syntaxError, VerbatimReply, type Reply } from '../reply.ts';
import { newSession, type Session } from '../session.ts';
import { refusal } from '../unsupported.ts';
import { arityError, isOption } from './arguments.ts';
import { containerCommand, type Subcommand } from './container.ts';
import { databaseArgument } from './generic.ts';
import { serverVersion } from './server-info.ts';

type Run = (context: CommandContext, args: readonly ByteString[]) => Reply;

const ping: Run = ({ session, name }, args) => {
  if (args.length > 1) throw arityError(name);
  // RESP2 has no push type: between messages even PING is answered like one.
  if (session.protocol === 2 && (session.channels.size > 0 || session.patterns.size > 0)) return ['pong', args[0] ?? ''];
  return args[0] ?? PONG;
};

const select: Run = (context, [index = '']) => {
  context.session.database = databaseArgument(context, index);
  return OK;
};

/** Any credentials will do: a test's own overlay has nothing to guard. */
const auth: Run = (_context, args) => {
  if (args.length > 2) throw syntaxError();
  return OK;
};

function setName(session: Session, name: ByteString, command: string): void {
  if (/[^!-~]/.test(name)) throw new CommandError(`ERR ${command} cannot contain spaces, newlines or special characters.`);
  session.name = name;
}

const hello: Run = ({ session, keyspace }, [version, ...rest]) => {
  let protocol = session.protocol;
  if (version !== undefined) {
    const wanted = parseInt64(version);
    if (wanted === undefined) throw new CommandError('ERR Protocol version is not an integer or out of range');
    if (wanted !== 2n && wanted !== 3n) throw new CommandError('NOPROTO unsupported protocol version');
    protocol = wanted === 3n ? 3 : 2;
  }
  let name: ByteString | undefined;
  for (let i = 0; i < rest.length; i++) {
    const left = rest.length - i - 1;
    if (isOption(rest[i], 'AUTH') && left >= 2) i += 2;
    else if (isOption(rest[i], 'SETNAME') && left >= 1) name = rest[++i];
    else throw new CommandError(`ERR Syntax error in HELLO option '${rest[i] ?? ''}'`);
  }
  if (name !== undefined) setName(session, name, 'Client names');
  session.protocol = protocol;
  return new MapReply([
    'server', 'redis', 'version', serverVersion, 'proto', protocol, 'id', keyspace.sessionId(session),
    'mode', 'standalone', 'role', 'master', 'modules', [],
  ]);
};

const reset: Run = ({ session, keyspace }) => {
  const fresh = newSession(session.push);
  session.transaction = null;
  keyspace.unwatch(session);
  keyspace.subscriptions.unsubscribeAll(session);
  session.database = fresh.database;
  session.protocol = fresh.protocol;
  session.name = fresh.name;
  return new SimpleReply('RESET');
};

/** A session as CLIENT LIST shows it; what a connection has and a session has not is given as an idle one would have it. */
function clientLine({ keyspace }: CommandContext, session: Session, command: string): string {
  const fields: readonly (readonly [string, string | number])[] = [
    ['id', keyspace.sessionId(session)], ['addr', '127.0.0.1:0'], ['laddr', '127.0.0.1:0'], ['fd', 8], ['name', session.name], ['age', 0], ['idle', 0],
    ['flags', session.channels.size + session.patterns.size > 0 ? 'P' : session.transaction === null ? 'N' : 'x'], ['db', session.database],
    ['sub', session.channels.size], ['psub', session.patterns.size], ['ssub', 0], ['multi', session.transaction?.queue.length ?? -1],
    ['qbuf', 0], ['qbuf-free', 0], ['argv-mem', 0], ['multi-mem', 0], ['rbs', 1024], ['rbp', 0], ['obl', 0], ['oll', 0], ['omem', 0],
    ['tot-mem', 0], ['events', 'r'], ['cmd', command], ['user', 'default'], ['redir', -1], ['resp', session.protocol],
  ];
  return `${fields.map(([field, value]) => `${field}=${value}`).join(' ')}\n`;
}

const clientList: Run = (context, args) => {
  const sessions = [...context.keyspace.sessions()];
  const lines = (chosen: readonly Session[]): Reply => new VerbatimReply(chosen.map((session) => clientLine(context, session, 'client|list')).join(''));
  if (args.length === 0) return lines(sessions);
  if (isOption(args[0], 'ID') && args.length > 1) {
    const ids = new Set(args.slice(1).map((id) => numberArgument(id, 'ERR Invalid client ID')));
    return lines(sessions.filter((session) => ids.has(context.keyspace.sessionId(session))));
  }
  if (!isOption(args[0], 'TYPE') || args.length !== 2) throw syntaxError();
  const type = (args[1] ?? '').toLowerCase();
  if (!['normal', 'pubsub', 'master', 'replica', 'slave'].includes(type)) throw new CommandError(`ERR Unknown client type '${args[1] ?? ''}'`);
  return lines(sessions.filter((session) => (session.channels.size + session.patterns.size > 0 ? 'pubsub' : 'normal') === type));
};

const clientUnblock: Run = ({ keyspace }, [id = '', how]) => {
  if (how !== undefined && !isOption(how, 'TIMEOUT') && !isOption(how, 'ERROR')) {
    throw new CommandError('ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR');
  }
  const wanted = numberArgument(id);
  const session = [...keyspace.sessions()].find((one) => keyspace.sessionId(one) === wanted);
  return session !== undefined && keyspace.unblock(session, isOption(how, 'ERROR') ? 'error' : 'timeout') ? 1 : 0;
};

/** Replies that are switched off are a matter of the connection, which is not ours. */
const clientReply: Run = (_context, [mode]) => {
  if (isOption(mode, 'ON')) return OK;
  if (isOption(mode, 'OFF') || isOption(mode, 'SKIP')) throw refusal(`CLIENT REPLY ${mode?.toUpperCase() ?? ''}`, 'every command is answered');
  throw syntaxError();
};

const onOff: Run = (_context, [mode]) => {
  if (!isOption(mode, 'ON') && !isOption(mode, 'OFF')) throw syntaxError();
  return OK;
};

const clientSubcommands: readonly Subcommand[] = [
  { name: 'id', arity: 2, run: ({ keyspace, session }) => keyspace.sessionId(session) },
  { name: 'getname', arity: 2, run: ({ session }) => (session.name === '' ? null : session.name) },
  {
    name: 'setname', arity: 3,
    run: ({ session }, [name = '']) => {
      setName(session, name, 'Client names');
      return OK;
    },
  },
  {
    name: 'setinfo', arity: 4,
    run: (_context, [attribute]) => {
      if (isOption(attribute, 'LIB-NAME') || isOption(attribute, 'LIB-VER')) return OK;
      throw new CommandError(`ERR Unrecognized option '${attribute ?? ''}'`);
    },
  },
  { name: 'info', arity: 2, run: (context) => new VerbatimReply(clientLine(context, context.session, 'client|info')) },
  { name: 'list', arity: -2, run: clientList },
  { name: 'no-evict', arity: 3, run: onOff },
  { name: 'no-touch', arity: 3, run: onOff },
  { name: 'reply', arity: 3, run: clientReply },
  { name: 'unblock', arity: -3, run: clientUnblock },
  { name: 'getredir', arity: 2, run: () => -1 },
  { name: 'trackinginfo', arity: 2, run: () => new MapReply(['flags', ['off'], 'redirect', -1, 'prefixes', []]) },
];

const flags = ['noscript', 'loading', 'stale', 'fast'] as const;
const noKeys = [0, 0, 0] as const;

/** What a connection says about itself: PING, SELECT, HELLO, CLIENT … */
export const connectionCommands: readonly CommandSpec[] = [
  { name: 'ping', arity: -1, flags: ['fast'], keys: noKeys, run: ping },
  { name: 'echo', arity: 2, flags: ['loading', 'stale', 'fast'], keys: noKeys, run: (_context, [text = '']) => text },
  { name: 'select', arity: 2, flags: ['loading', 'stale', 'fast'], keys: noKeys, run: select },
  { name: 'auth', arity: -2, flags, keys: noKeys, run: auth },
  { name: 'hello', arity: -1, flags, keys: noKeys, run: hello },
  { name: 'quit', arity: -1, flags, keys: noKeys, run: () => OK },
  { name: 'reset', arity: 1, flags, keys: noKeys, run: reset },
  containerCommand({ name: 'client', flags: ['noscript', 'loading', 'stale'], subcommands: clientSubcommands }),
];
