import type { ByteString } from '../../lib/bytes.ts';
import { ErrorReply, MapReply, OK, SetReply, VerbatimReply, type Reply } from '../../keyspace/reply.ts';
import { forKeyspace, isClientName, noReply, wrongArity, type ConnectionState } from './connection-state.ts';

type Subcommand = (connection: ConnectionState, args: readonly ByteString[]) => Reply | typeof noReply | typeof forKeyspace;

/** Subcommand → its count of arguments after its name (negative: at least) and what it does. */
const subcommands: ReadonlyMap<string, readonly [arity: number, run: Subcommand]> = new Map<string, readonly [number, Subcommand]>([
  ['ID', [0, (connection) => connection.id]],
  ['GETNAME', [0, (connection) => (connection.name === '' ? null : connection.name)]],
  ['SETNAME', [1, setName]],
  ['SETINFO', [2, setInfo]],
  ['INFO', [0, (connection) => new VerbatimReply(`${describe(connection)}\n`)]],
  ['LIST', [-1, list]],
  ['REPLY', [1, setReplies]],
  ['NO-EVICT', [1, (_connection, [mode]) => onOff(mode)]],
  ['NO-TOUCH', [1, (_connection, [mode]) => onOff(mode)]],
  ['TRACKINGINFO', [0, () => new MapReply(['flags', new SetReply(['off']), 'redirect', -1, 'prefixes', []])]],
  ['UNBLOCK', [-2, unblock]],
  ['TRACKING', [-2, (_connection, [mode]) => (mode?.toUpperCase() === 'OFF' ? OK : forKeyspace)]],
]);

/** CLIENT: what concerns the connection; the rest is the keyspace's to answer or to refuse. */
export function clientCommand(connection: ConnectionState, args: readonly ByteString[]): Reply | typeof forKeyspace | typeof noReply {
  const [name] = args;
  if (name === undefined) return wrongArity('client');
  const subcommand = subcommands.get(name.toUpperCase());
  if (subcommand === undefined) return forKeyspace;
  const [arity, run] = subcommand;
  const given = args.length - 1;
  if (arity >= 0 ? given !== arity : given < -arity - 1) return wrongArity(`client|${name.toLowerCase()}`);
  return run(connection, args.slice(1));
}

function setName(connection: ConnectionState, [name = '']: readonly ByteString[]): Reply {
  if (!isClientName(name)) return new ErrorReply('ERR Client names cannot contain spaces, newlines or special characters.');
  connection.name = name;
  return OK;
}

function setInfo(connection: ConnectionState, [attribute = '', value = '']: readonly ByteString[]): Reply {
  switch (attribute.toUpperCase()) {
    case 'LIB-NAME': connection.libraryName = value; return OK;
    case 'LIB-VER': connection.libraryVersion = value; return OK;
    default: return new ErrorReply(`ERR Unrecognized option '${attribute}'`);
  }
}

function setReplies(connection: ConnectionState, [mode = '']: readonly ByteString[]): Reply | typeof noReply {
  switch (mode.toUpperCase()) {
    case 'ON': connection.replies = 'on'; return OK;
    case 'OFF': connection.replies = 'off'; return noReply;
    case 'SKIP':
      if (connection.replies === 'on') connection.replies = 'skip';
      return noReply;
    default: return new ErrorReply('ERR syntax error');
  }
}

function onOff(mode = ''): Reply {
  return mode.toUpperCase() === 'ON' || mode.toUpperCase() === 'OFF' ? OK : new ErrorReply('ERR syntax error');
}

function list(connection: ConnectionState, args: readonly ByteString[]): Reply {
  const lines: string[] = [];
  const [filter, ...values] = args;
  const isById = filter?.toUpperCase() === 'ID';
  if (filter !== undefined && !isById && filter.toUpperCase() !== 'TYPE') return new ErrorReply('ERR syntax error');
  const wanted = filter === undefined ? null : new Set(values.map((value) => value.toLowerCase()));
  for (const other of connection.server.connections()) {
    if (wanted === null || wanted.has(isById ? String(other.id) : 'normal')) lines.push(`${describe(other)}\n`);
  }
  return new VerbatimReply(lines.join(''));
}

function describe(connection: ConnectionState): string {
  return `id=${connection.id} addr=${connection.remote} laddr=${connection.local} fd=0 name=${connection.name} age=0 idle=0 flags=N `
    + `db=${connection.database} sub=0 psub=0 ssub=0 multi=-1 qbuf=0 qbuf-free=0 argv-mem=0 multi-mem=0 rbs=0 rbp=0 obl=0 oll=0 omem=0 `
    + `tot-mem=0 events=r cmd=${connection.lastCommand.toLowerCase()} user=default redir=-1 resp=${connection.protocol}`;
}

function unblock(connection: ConnectionState, [id = '', reason = 'TIMEOUT']: readonly ByteString[]): Reply {
  if (!/^\d{1,15}$/.test(id)) return new ErrorReply('ERR value is not an integer or out of range');
  const how = reason.toUpperCase();
  if (how !== 'TIMEOUT' && how !== 'ERROR') return new ErrorReply('ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR');
  for (const other of connection.server.connections()) {
    if (other.id === Number(id)) return other.unblock(how === 'TIMEOUT' ? 'timeout' : 'error') ? 1 : 0;
  }
  return 0;
}
