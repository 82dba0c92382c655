import { byteString } from '../lib/bytes.ts';
import { contentHash } from '../lib/content-hash.ts';
import type { StateNode, StoredRevision } from '../state-nodes/state-node.ts';

/** What the cases need of a test runner: vitest, jest and node:test have it. */
export interface CaseRunner {
  readonly test: (name: string, run: () => Promise<void>) => void;
  /** Throws unless both are deeply equal. */
  readonly equal: (actual: unknown, expected: unknown) => void;
}

/** An engine as the cases need it. */
export interface EngineUnderTest {
  /** A fresh, empty node; each case closes its own. `maxBytes`: payload bytes it may hold, left out where the case does not care. */
  open(options: { readonly maxBytes?: number }): Promise<StateNode>;
  /** Another client of what this node keeps; an engine in the process gives the node itself. Closing it takes nothing away. */
  second(node: StateNode): Promise<StateNode>;
  /** Makes the engine lose its memory, as a restart does; the node as one reaches it afterwards. */
  forget(node: StateNode): Promise<StateNode>;
}

/** What an engine may be excused from. */
export type CaseTopic = 'revisions' | 'payloads' | 'full' | 'registers' | 'life';

/** Why an engine does not keep to the cases of a topic. Each of them becomes a test whose name says so, so that it is read. */
export type CaseExceptions = Readonly<Partial<Record<CaseTopic, string>>>;

/** Declares cases of a topic, each with a node of its own. */
export type DeclareCase = (name: string, run: (node: StateNode, engine: EngineUnderTest) => Promise<void>, options?: { readonly maxBytes?: number }) => void;

/** Cases of one topic for an engine. */
export function casesOf(topic: CaseTopic, engine: EngineUnderTest, runner: CaseRunner, exceptions: CaseExceptions): DeclareCase {
  return (name, run, options = {}) => {
    const reason = exceptions[topic];
    if (reason !== undefined) return runner.test(`${name}: excepted, since ${reason}`, async () => runner.equal(reason.trim().length > 0, true));
    runner.test(name, async () => {
      const node = await engine.open(options);
      try {
        await run(node, engine);
      } finally {
        await node.close();
      }
    });
  };
}

/** A revision of these bytes. */
export function revisionOf(key: string, revision: number, bytes: Uint8Array): StoredRevision {
  return { key, revision, bytes, hash: contentHash(bytes) };
}

/** Found bytes as text. */
export function textOf(found: readonly (Uint8Array | undefined)[]): (string | undefined)[] {
  return found.map((bytes) => bytes && byteString(bytes));
}

/** The code of the error that a promise is rejected with; undefined when it is not. */
export async function codeOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(() => undefined, (error: unknown) => (error as { code?: unknown }).code ?? String(error));
}
