import type { ByteString } from '../../lib/bytes.ts';
import { ErrorReply, MapReply, OK, PONG, SimpleReply, type Reply } from '../../keyspace/reply.ts';
import { clientCommand } from './client-command.ts';
import { isClientName, wrongArity, type ConnectionCommand, type ConnectionState } from './connection-state.ts';
import { info } from './info-command.ts';

/** Commands that belong to the connection, whichever tag they carry. Arguments are those after the name. */
export const connectionCommands: ReadonlyMap<string, ConnectionCommand> = new Map<string, ConnectionCommand>([
  ['HELLO', hello],
  ['AUTH', auth],
  ['SELECT', select],
  ['CLIENT', clientCommand],
  ['COMMAND', (connection, args) => connection.server.answerIdle(['COMMAND', ...args])],
  ['INFO', info],
  ['PING', (_connection, args) => (args.length > 1 ? wrongArity('ping') : args[0] ?? PONG)],
  ['QUIT', () => OK],
  ['RESET', (connection, args) => {
    if (args.length > 0) return wrongArity('reset');
    connection.reset();
    return new SimpleReply('RESET');
  }],
  ['READONLY', clusterOff],
  ['READWRITE', clusterOff],
  ['ASKING', clusterOff],
  ['CLUSTER', clusterOff],
]);

/** Allowed before AUTH. */
export const allowedUnauthenticated: ReadonlySet<string> = new Set(['AUTH', 'HELLO', 'QUIT', 'RESET']);

function clusterOff(): ErrorReply {
  return new ErrorReply('ERR This instance has cluster support disabled');
}

const wrongPassword = new ErrorReply('WRONGPASS invalid username-password pair or user is disabled.');

function authenticate(connection: ConnectionState, user: ByteString, password: ByteString): ErrorReply | undefined {
  const expected = connection.server.password;
  if (expected !== undefined && (user !== 'default' || password !== expected)) return wrongPassword;
  connection.authenticated = true;
  return undefined;
}

function auth(connection: ConnectionState, args: readonly ByteString[]): Reply {
  const [first, second] = args;
  if (first === undefined || args.length > 2) return args.length > 2 ? new ErrorReply('ERR syntax error') : wrongArity('auth');
  return (second === undefined ? authenticate(connection, 'default', first) : authenticate(connection, first, second)) ?? OK;
}

function select(connection: ConnectionState, args: readonly ByteString[]): Reply {
  const [index] = args;
  if (index === undefined || args.length > 1) return wrongArity('select');
  if (!/^(0|-?[1-9]\d{0,9})$/.test(index)) return new ErrorReply('ERR value is not an integer or out of range');
  const count = connection.target()?.keyspace.databaseCount ?? connection.server.databaseCount;
  if (Number(index) < 0 || Number(index) >= count) return new ErrorReply('ERR DB index is out of range');
  connection.database = Number(index);
  return OK;
}

function hello(connection: ConnectionState, args: readonly ByteString[]): Reply {
  const options = readHello(args);
  if (options instanceof ErrorReply) return options;
  if (options.auth !== undefined) {
    const failure = authenticate(connection, ...options.auth);
    if (failure !== undefined) return failure;
  }
  if (!connection.authenticated) {
    return new ErrorReply('NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH <user> <pass> option can be used to authenticate the client and select the RESP protocol version at the same time');
  }
  if (options.name !== undefined) connection.name = options.name;
  connection.protocol = options.protocol ?? connection.protocol;
  return new MapReply([
    'server', 'redis', 'version', connection.server.redisVersion, 'proto', connection.protocol, 'id', connection.id,
    'mode', 'standalone', 'role', 'master', 'modules', [],
  ]);
}

interface HelloOptions {
  readonly protocol?: 2 | 3;
  readonly auth?: readonly [user: ByteString, password: ByteString];
  readonly name?: ByteString;
}

function readHello(args: readonly ByteString[]): HelloOptions | ErrorReply {
  const [version] = args;
  if (version === undefined) return {};
  if (!/^(0|-?[1-9]\d{0,18})$/.test(version)) return new ErrorReply('ERR Protocol version is not an integer or out of range');
  if (version !== '2' && version !== '3') return new ErrorReply('NOPROTO unsupported protocol version');
  let options: HelloOptions = { protocol: version === '3' ? 3 : 2 };
  for (let at = 1; at < args.length;) {
    const option = (args[at] as ByteString).toUpperCase();
    const [first, second] = args.slice(at + 1);
    if (option === 'AUTH' && first !== undefined && second !== undefined) {
      options = { ...options, auth: [first, second] };
      at += 3;
    } else if (option === 'SETNAME' && first !== undefined) {
      if (!isClientName(first)) return new ErrorReply('ERR Client names cannot contain spaces, newlines or special characters.');
      options = { ...options, name: first };
      at += 2;
    } else {
      return new ErrorReply(`ERR Syntax error in HELLO option '${args[at]}'`);
    }
  }
  return options;
}
