/**
 * SCAN as it was recorded. A server's cursors and pages depend on its hash table, which no state determines; so where hints tell how a
 * walk over the keys went, the same pages are given again under the same cursors, as far as their keys are still there. After the last
 * recorded page the walk goes on over the keys that were on none, so it stays complete: what is there throughout is given.
 */
import type { ByteString } from '../../lib/bytes.ts';
import type { CommandContext } from '../command.ts';
import type { KeyspaceHost } from '../host.ts';

interface Page { readonly cursor: ByteString; readonly keys: readonly ByteString[] }
interface Walk { readonly pages: readonly Page[]; readonly listed: ReadonlySet<ByteString> }

/** Where a walk goes on: at one of its pages, or after them at a hash. */
export type WalkPosition = { readonly walk: Walk } & ({ readonly page: number } | { readonly afterPagesFrom: number });

interface WalkState {
  /** By database and arguments after the cursor; taken from the front as walks start. */
  readonly upcoming: Map<string, Walk[]>;
  /** By database and cursor: what has been handed out. */
  readonly issued: Map<string, WalkPosition>;
  lastCursor: number;
}

/** Cursors of our own making beyond the recorded pages; hashes, which are the other cursors, have 32 bits. */
const firstOwnCursor = 2 ** 40;

const states = new WeakMap<KeyspaceHost, WalkState>();

/** The position this call of SCAN is at, when it starts or continues a recorded walk. `args` are those after the name. */
export function walkPosition({ keyspace, db }: CommandContext, args: readonly ByteString[]): WalkPosition | undefined {
  const state = stateOf(keyspace);
  const [cursor = '', ...rest] = args;
  if (cursor !== '0') return state?.issued.get(`${db.index} ${cursor}`);
  const walk = state?.upcoming.get(identity(db.index, rest))?.shift();
  // Nothing but an empty page stands for a use whose order the state alone explained.
  return walk === undefined || walk.listed.size === 0 ? undefined : { walk, page: 0 };
}

/** Hands out the cursor of a position. */
export function cursorOf({ keyspace, db }: CommandContext, position: WalkPosition): ByteString {
  const state = stateOf(keyspace);
  if (state === undefined) return '0';
  const recorded = 'page' in position ? position.walk.pages[position.page]?.cursor : undefined;
  const cursor = recorded ?? String(++state.lastCursor);
  state.issued.set(`${db.index} ${cursor}`, position);
  return cursor;
}

function stateOf(keyspace: KeyspaceHost): WalkState | undefined {
  const { hints } = keyspace.options;
  if (hints === undefined || hints.length === 0) return undefined;
  let state = states.get(keyspace);
  if (state === undefined) {
    state = { upcoming: recordedWalks(keyspace), issued: new Map(), lastCursor: firstOwnCursor };
    states.set(keyspace, state);
  }
  return state;
}

/** A walk begins with cursor 0; the cursor of each page is the one the page before it gave. */
function recordedWalks(keyspace: KeyspaceHost): Map<string, Walk[]> {
  const pagesByIdentity = new Map<string, Page[][]>();
  for (const { command, args, database, outcome } of keyspace.options.hints ?? []) {
    if (command !== 'SCAN') continue;
    const [cursor = '', ...rest] = args;
    const id = identity(database, rest);
    const walks = pagesByIdentity.get(id) ?? [];
    pagesByIdentity.set(id, walks);
    const current = walks.at(-1);
    if (cursor === '0' || current === undefined) walks.push([{ cursor, keys: outcome }]);
    else current.push({ cursor, keys: outcome });
  }
  return new Map([...pagesByIdentity].map(([id, walks]) => [id, walks.map((pages) => ({ pages, listed: new Set(pages.flatMap(({ keys }) => keys)) }))]));
}

function identity(database: number, rest: readonly ByteString[]): string {
  return `${database} ${rest.map((arg) => `${arg.length}:${arg}`).join('')}`;
}
