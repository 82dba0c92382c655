import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AccessObserver, BaseState } from '../src/keyspace/database.ts';
import { elementFromEntry, type Entry } from '../src/keyspace/entry.ts';
import { Keyspace } from '../src/keyspace/keyspace.ts';
import { newSession } from '../src/keyspace/session.ts';
import type { ElementValue } from '../src/model/element.ts';
import { hashesCommand } from './differential/hashes.ts';
import { hyperloglogCommand } from './differential/hyperloglog.ts';
import { listsCommand } from './differential/lists.ts';
import { setsCommand } from './differential/sets.ts';
import { sortedSetsCommand } from './differential/sorted-sets.ts';
import { streamsCommand } from './differential/streams.ts';
import { keys } from './differential/values.ts';

const anyCommand = fc.oneof(hashesCommand, listsCommand, setsCommand, sortedSetsCommand, streamsCommand, hyperloglogCommand);

/** A keyspace on a clock that stands still; timeouts pass at once. */
function keyspaceOn(options: { readonly base?: BaseState; readonly observer?: AccessObserver }): { readonly run: (args: readonly string[]) => void; readonly keyspace: Keyspace } {
  const keyspace = new Keyspace({ ...options, now: () => 1_700_000_000_000, random: () => 0.5, after: (_ms, action) => {
    queueMicrotask(action);
    return () => {};
  } });
  return { keyspace, run: (args) => keyspace.execute(newSession(() => {}), args, () => {}) };
}

const valueAt = (keyspace: Keyspace, key: string): ElementValue | undefined => {
  const entry = keyspace.database(0).peek(key);
  return entry === undefined ? undefined : structuredClone(elementFromEntry(entry).value);
};

/** The parts that two values of one collection type do not have in common; undefined where the whole value has to be looked at. */
function changedParts(before: ElementValue | undefined, after: ElementValue | undefined): ReadonlySet<string> | undefined {
  const parts = (value: ElementValue | undefined): Map<string, unknown> | undefined => {
    if (value === undefined) return new Map();
    if (value.type === 'hash') return new Map(value.fields);
    if (value.type === 'set') return new Map(value.members.map((member) => [member, true]));
    return value.type === 'zset' ? new Map(value.members) : undefined;
  };
  const [old, now] = [parts(before), parts(after)];
  if (old === undefined || now === undefined || (before !== undefined && after !== undefined && before.type !== after.type)) return undefined;
  return new Set([...old.keys(), ...now.keys()].filter((part) => old.get(part) !== now.get(part)));
}

describe('the observer', () => {
  it('is told of every part that a command changes, and of the key that it read it from', () => {
    fc.assert(fc.property(fc.array(anyCommand, { minLength: 1, maxLength: 25 }), (commands) => {
      let writes: { readonly key: string; readonly part: string | null }[] = [];
      let isFirst = true;
      const before = new Map<string, string>();
      const observer: AccessObserver = {
        read: () => {}, expiry: () => {}, listing: () => {}, publish: () => {},
        write: (_database, key, part) => {
          // Told before the change: what the key holds now is still the old value, but for what this command wrote before.
          if (isFirst) expect(JSON.stringify(valueAt(keyspace, key) ?? null)).toBe(before.get(key) ?? 'null');
          isFirst = false;
          writes.push({ key, part });
        },
      };
      const { keyspace, run } = keyspaceOn({ observer });
      for (const args of commands) {
        const old = new Map(keys.map((key) => [key, valueAt(keyspace, key)]));
        before.clear();
        for (const [key, value] of old) before.set(key, JSON.stringify(value ?? null));
        writes = [];
        isFirst = true;
        run(args);
        if (args[0]?.toUpperCase() === 'PFCOUNT') continue;
        for (const key of keys) {
          const now = valueAt(keyspace, key);
          if (JSON.stringify(now ?? null) === before.get(key)) continue;
          const told = writes.filter((write) => write.key === key).map((write) => write.part);
          if (told.includes(null)) continue;
          const changed = changedParts(old.get(key), now);
          expect(changed, `${args.join(' ')} changed ${key} without telling`).toBeDefined();
          for (const part of changed ?? []) expect(told, `${args.join(' ')} changed ${part} of ${key}`).toContain(part);
        }
      }
    }), { numRuns: 400 });
  });
});

describe('a base', () => {
  it('is never changed by what runs over it', () => {
    fc.assert(fc.property(fc.array(anyCommand, { maxLength: 12 }), fc.array(anyCommand, { minLength: 1, maxLength: 20 }), (making, running) => {
      const source = keyspaceOn({});
      for (const args of making) source.run(args);
      const entries = new Map<string, Entry>(keys.flatMap((key) => {
        const entry = source.keyspace.database(0).peek(key);
        return entry === undefined ? [] : [[key, { ...entry, owner: null }] as const];
      }));
      const image = (): string => JSON.stringify([...entries].map(([key, entry]) => [key, elementFromEntry(entry)]));
      const before = image();
      const base: BaseState = { get: (database, key) => (database === 0 ? entries.get(key) : undefined), keys: () => entries.keys() };
      const over = keyspaceOn({ base });
      for (const args of running) over.run(args);
      expect(image()).toBe(before);
    }), { numRuns: 400 });
  });
});
