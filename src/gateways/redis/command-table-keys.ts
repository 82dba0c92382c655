import type { ByteString } from '../../lib/bytes.ts';

/** What a command does to one of its keys: reads it, replaces it unseen, or both. */
export type KeyMode = 'read' | 'overwrite' | 'update';

/** One key of a command. */
export interface KeyAccess {
  readonly key: ByteString;
  readonly mode: KeyMode;
  /** The database when the command names another one than the session's (MOVE, COPY … DB). */
  readonly database?: number;
}

/** Finds the keys in a whole command, name first. */
export type KeyFinder = (args: readonly ByteString[]) => KeyAccess[];

/**
 * Commands whose keys no table can place (`movablekeys` in COMMAND's words), or whose effect on another database it does not
 * say. Source: the getkeys functions of Redis' `db.c` and the command pages; proven against COMMAND GETKEYSANDFLAGS.
 */
export const movableKeys: ReadonlyMap<string, KeyFinder> = new Map<string, KeyFinder>([
  ...each(['eval', 'evalsha', 'fcall'], (args) => numbered(args, 2, 'update')),
  ...each(['eval_ro', 'evalsha_ro', 'fcall_ro'], (args) => numbered(args, 2, 'read')),
  ...each(['zunion', 'zinter', 'zdiff', 'zintercard', 'sintercard'], (args) => numbered(args, 1, 'read')),
  ...each(['zunionstore', 'zinterstore', 'zdiffstore'], (args) => [...at(args, 1, 'overwrite'), ...numbered(args, 2, 'read')]),
  ...each(['lmpop', 'zmpop'], (args) => numbered(args, 1, 'update')),
  ...each(['blmpop', 'bzmpop'], (args) => numbered(args, 2, 'update')),
  ['xread', (args) => streams(args, 'read')],
  ['xreadgroup', (args) => streams(args, 'update')],
  ['sort', sortKeys],
  ['sort_ro', (args) => at(args, 1, 'read')],
  ['georadius', (args) => geoKeys(args, 6)],
  ['georadiusbymember', (args) => geoKeys(args, 5)],
  ['migrate', migrateKeys],
  ['move', (args) => [...at(args, 1, 'update'), ...at(args, 1, 'update', integerAt(args, 2))]],
  ['copy', copyKeys],
  ['set', (args) => at(args, 1, args.slice(3).some((word) => /^get$/i.test(word)) ? 'update' : 'overwrite')],
  ['pfcount', (args) => args.slice(1).map((key) => ({ key, mode: 'update' }))],
]);

function each(names: readonly string[], finder: KeyFinder): [string, KeyFinder][] {
  return names.map((name) => [name, finder]);
}

function at(args: readonly ByteString[], index: number, mode: KeyMode, database?: number): KeyAccess[] {
  const key = args[index];
  if (key === undefined) return [];
  return [database === undefined ? { key, mode } : { key, mode, database }];
}

function integerAt(args: readonly ByteString[], index: number): number | undefined {
  const text = args[index];
  return text !== undefined && /^\d{1,9}$/.test(text) ? Number(text) : undefined;
}

/** `<count> key …`, the count at `index`. Nothing where the count is no number or too large, as Redis refuses the command. */
function numbered(args: readonly ByteString[], index: number, mode: KeyMode): KeyAccess[] {
  const count = integerAt(args, index) ?? 0;
  if (index + 1 + count > args.length) return [];
  return args.slice(index + 1, index + 1 + count).map((key) => ({ key, mode }));
}

function streams(args: readonly ByteString[], mode: KeyMode): KeyAccess[] {
  for (let index = 1; index < args.length; index++) {
    const word = (args[index] as string).toLowerCase();
    if (word === 'block' || word === 'count') index++;
    else if (word === 'group') index += 2;
    else if (word === 'streams') {
      const rest = args.slice(index + 1);
      if (rest.length === 0 || rest.length % 2 !== 0) return [];
      return rest.slice(0, rest.length / 2).map((key) => ({ key, mode }));
    } else if (word !== 'noack') return [];
  }
  return [];
}

function sortKeys(args: readonly ByteString[]): KeyAccess[] {
  const keys = at(args, 1, 'read');
  let store: KeyAccess[] = [];
  for (let index = 2; index < args.length; index++) {
    const word = (args[index] as string).toLowerCase();
    if (word === 'limit') index += 2;
    else if (word === 'get' || word === 'by') index++;
    else if (word === 'store' && index + 1 < args.length) store = at(args, ++index, 'overwrite');
  }
  return [...keys, ...store];
}

function geoKeys(args: readonly ByteString[], options: number): KeyAccess[] {
  let store: KeyAccess[] = [];
  for (let index = options; index + 1 < args.length; index++) {
    const word = (args[index] as string).toLowerCase();
    if (word === 'store' || word === 'storedist') store = at(args, ++index, 'overwrite');
  }
  return [...at(args, 1, 'read'), ...store];
}

function migrateKeys(args: readonly ByteString[]): KeyAccess[] {
  if (args[3] !== '' && args[3] !== undefined) return at(args, 3, 'update');
  for (let index = 6; index < args.length; index++) {
    const word = (args[index] as string).toLowerCase();
    if (word === 'auth') index++;
    else if (word === 'auth2') index += 2;
    else if (word === 'keys') return args.slice(index + 1).map((key) => ({ key, mode: 'update' }));
  }
  return [];
}

function copyKeys(args: readonly ByteString[]): KeyAccess[] {
  let database: number | undefined;
  for (let index = 3; index < args.length; index++) {
    if ((args[index] as string).toLowerCase() === 'db') database = integerAt(args, ++index);
  }
  return [...at(args, 1, 'read'), ...at(args, 2, 'update', database)];
}
