import { groupBy } from '../lib/group-by.ts';
import { waitFor, type Timing } from '../lib/timing.ts';
import { ForeshardError } from '../model/errors.ts';
import type { ClusterView } from './cluster-view.ts';
import type { SlotTask } from './handoff.ts';
import type { HeldRevision, RevisionName, StateNode } from './state-node.ts';

/** Options of {@link RevisionHandoff}. */
export interface RevisionHandoffOptions {
  readonly view: ClusterView;
  readonly timing: Timing;
  /** An operation that takes longer has failed; 10,000 when left out: copies are large. */
  readonly timeoutMs?: number;
}

/** What has been copied. */
export interface RevisionHandoffStats {
  readonly copied: number;
  readonly bytes: number;
  readonly dropped: number;
}

/** A copy is read and written in pieces of so many bytes and revisions, so many pieces at a time for each pair of nodes. */
const [pieceBytes, pieceItems, piecesAtOnce, listsAtOnce] = [2 * 1024 * 1024, 500, 4, 256];

interface Copy {
  readonly slot: number;
  readonly from: string;
  readonly to: string;
  readonly item: HeldRevision;
}

/** Brings revisions to the owners of slots and takes them from former ones. Revisions never change, so copying twice or from anybody does no harm; what is dropped every owner has. */
export class RevisionHandoff {
  readonly #options: RevisionHandoffOptions;
  readonly #counts = { copied: 0, bytes: 0, dropped: 0 };

  constructor(options: RevisionHandoffOptions) {
    this.#options = options;
  }

  get stats(): RevisionHandoffStats {
    return { ...this.#counts };
  }

  /** Gives every owner of these slots what any owner, old or new, has; the slots of which all owners, or where some are joining all of those, have it now. */
  async level(slots: readonly SlotTask[]): Promise<Set<number>> {
    const digests = await this.#digests(slots);
    const uneven = slots.filter((task) => !isLevel(task, digests));
    const held = await this.#lists(uneven);
    const copies = uneven.flatMap((task) => copiesFor(task, held.get(task.slot) ?? new Map<string, readonly HeldRevision[]>()));
    const failed = new Set((await this.#copy(copies)).map(({ to, slot }) => `${slot} ${to}`));
    const has = (slot: number, name: string): boolean => digests.get(name)?.has(slot) === true && !failed.has(`${slot} ${name}`);
    // Who stays an owner and is away now gets the rest when it is back; a change waits for those that join only.
    return new Set(slots.filter(({ slot, entry }) => (entry.joining.length > 0 ? entry.joining : entry.own).every((name) => has(slot, name))).map(({ slot }) => slot));
  }

  /** Lets former owners of slots forget what every owner has; what was dropped, by slot and member. */
  async release(slots: readonly SlotTask[], former: ReadonlyMap<number, readonly string[]>): Promise<{ readonly slot: number; readonly name: string }[]> {
    const tasks = slots.map(({ slot, entry }) => ({ slot, entry: { ...entry, joining: [], old: (former.get(slot) ?? []).filter((name) => !entry.own.includes(name)) } }));
    const held = await this.#lists(tasks);
    const level = await this.level(tasks);
    const drops = tasks.filter(({ slot }) => level.has(slot)).flatMap(({ slot, entry }) => entry.old.flatMap((name) => {
      const list = held.get(slot)?.get(name);
      return list === undefined ? [] : [{ slot, name, list }];
    }));
    const done = await Promise.all([...groupBy(drops, ({ name }) => name)].map(async ([name, group]) => {
      const items = group.flatMap(({ list }) => list);
      if (items.length > 0 && (await this.#ask(name, async (node) => (await node.drop(items), true))) === undefined) return [];
      this.#counts.dropped += items.length;
      return group.map(({ slot }) => ({ slot, name }));
    }));
    return done.flat();
  }

  /** Digests by member and slot, of those that could be asked. */
  async #digests(slots: readonly SlotTask[]): Promise<Map<string, Map<number, string>>> {
    const pairs = slots.flatMap(({ slot, entry }) => [...entry.own, ...entry.old].map((name) => ({ name, slot })));
    const found = new Map<string, Map<number, string>>();
    await Promise.all([...groupBy(pairs, ({ name }) => name)].map(async ([name, group]) => {
      const theirs = [...new Set(group.map(({ slot }) => slot))];
      const digests = await this.#ask(name, (node) => node.digest(theirs));
      if (digests !== undefined) found.set(name, new Map(theirs.map((slot, index) => [slot, digests[index] as string])));
    }));
    return found;
  }

  /** What the holders of slots hold, by slot and member. */
  async #lists(slots: readonly SlotTask[]): Promise<Map<number, Map<string, readonly HeldRevision[]>>> {
    const pairs = slots.flatMap(({ slot, entry }) => [...new Set([...entry.own, ...entry.old])].map((name) => ({ name, slot })));
    const held = new Map<number, Map<string, readonly HeldRevision[]>>(slots.map(({ slot }) => [slot, new Map()]));
    await inParallel(pairs, listsAtOnce, async ({ name, slot }) => {
      const list = await this.#ask(name, (node) => node.list(slot));
      if (list !== undefined) held.get(slot)?.set(name, list);
    });
    return held;
  }

  /** Copies revisions; those that could not be. */
  async #copy(copies: readonly Copy[]): Promise<Copy[]> {
    const failed: Copy[] = [];
    await Promise.all([...groupBy(copies, ({ from, to }) => `${from} ${to}`)].map(async ([, group]) => {
      await inParallel(piecesOf(group), piecesAtOnce, async (piece) => {
        if (!(await this.#copyPiece(piece))) failed.push(...piece);
      });
    }));
    return failed;
  }

  async #copyPiece(piece: readonly Copy[]): Promise<boolean> {
    const { from, to } = piece[0] as Copy;
    const found = await this.#ask(from, (node) => node.read(piece.map(({ item }) => item)));
    const stored = piece.flatMap(({ item }, index) => {
      const bytes = found?.[index];
      return bytes === undefined ? [] : [{ key: item.key, revision: item.revision, hash: item.hash, bytes }];
    });
    if (stored.length < piece.length || (await this.#ask(to, async (node) => (await node.write(stored), true))) === undefined) return false;
    this.#counts.copied += stored.length;
    this.#counts.bytes += stored.reduce((sum, { bytes }) => sum + bytes.length, 0);
    return true;
  }

  /** undefined: the member could not be asked, or it failed. */
  async #ask<T>(name: string, run: (node: StateNode) => Promise<T>): Promise<T | undefined> {
    const { view, timing, timeoutMs } = this.#options;
    const asked = async (): Promise<T | undefined> => {
      const node = await view.node(name);
      return node === undefined ? undefined : run(node);
    };
    const waited = await waitFor(timing, timeoutMs ?? 10_000, asked());
    if (waited.status === 'failed' && !(waited.error instanceof ForeshardError)) throw waited.error;
    return waited.status === 'done' ? waited.value : undefined;
  }
}

/** Owners that agree, and old ones that hold the same or nothing, have nothing to give each other. */
function isLevel({ slot, entry }: SlotTask, digests: ReadonlyMap<string, ReadonlyMap<number, string>>): boolean {
  const own = new Set(entry.own.map((name) => digests.get(name)?.get(slot)));
  if (own.size > 1 || own.has(undefined)) return false;
  return entry.old.every((name) => [undefined, emptyDigest, [...own][0]].includes(digests.get(name)?.get(slot)));
}

const emptyDigest = '0'.repeat(16);

function copiesFor({ slot, entry }: SlotTask, held: ReadonlyMap<string, readonly HeldRevision[]>): Copy[] {
  const nameOf = ({ key, revision }: RevisionName): string => `${revision} ${key}`;
  const holders = new Map<string, { from: string; item: HeldRevision }>();
  for (const [from, list] of held) for (const item of list) if (!holders.has(nameOf(item))) holders.set(nameOf(item), { from, item });
  return entry.own.filter((to) => held.has(to)).flatMap((to) => {
    const theirs = new Set(held.get(to)?.map(nameOf));
    return [...holders].filter(([name]) => !theirs.has(name)).map(([, { from, item }]) => ({ slot, from, to, item }));
  });
}

function piecesOf(copies: readonly Copy[]): Copy[][] {
  const pieces: Copy[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const copy of copies) {
    const last = pieces.at(-1);
    if (last === undefined || last.length >= pieceItems || bytes + copy.item.sizeBytes > pieceBytes) {
      pieces.push([copy]);
      bytes = copy.item.sizeBytes;
    } else {
      last.push(copy);
      bytes += copy.item.sizeBytes;
    }
  }
  return pieces;
}

async function inParallel<T>(items: readonly T[], atOnce: number, run: (item: T) => Promise<void>): Promise<void> {
  let next = 0;
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, async () => {
    while (next < items.length) await run(items[next++] as T);
  }));
}
