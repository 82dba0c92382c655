import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { commandsDocument } from '../scripts/generate-command-doc.mjs';
import { commandSpec, commandSupport, isWrite, keysOf, refusedCommands } from '../src/keyspace/registry.ts';
import { manualKeyspace } from '../src/keyspace/manual-keyspace.ts';
import { plain } from './differential/comparison.ts';
import { DifferentialHarness } from './differential/harness.ts';
import { invocations } from './differential/invocations.ts';
import { hasRedisServer } from './differential/real-redis.ts';

/** A command as COMMAND describes it: name, arity, flags, first key, last key, step … subcommands. */
type Described = readonly [
  name: string, arity: number, flags: readonly { readonly simple: string }[], first: number, last: number, step: number,
  categories: unknown, tips: unknown, specs: unknown, subcommands: readonly Described[],
];

describe.skipIf(!hasRedisServer())('the table of commands against a real redis-server', () => {
  let harness: DifferentialHarness;
  let real: ReadonlyMap<string, Described>;
  beforeAll(async () => {
    harness = await DifferentialHarness.start();
    const [table] = await harness.ask([['COMMAND']]);
    real = new Map((table as unknown as Described[]).map((one) => [one[0], one]));
  });
  afterAll(async () => {
    await harness.stop();
  });

  it('serves or refuses by name every command the server has', () => {
    expect([...real.keys()].filter((name) => commandSpec(name) === undefined && !refusedCommands.has(name))).toEqual([]);
  });

  it('serves or refuses by name every subcommand the server has', () => {
    const missing = [...real.values()].flatMap((one) => {
      const spec = commandSpec(one[0]);
      if (spec?.subcommands === undefined) return [];
      const names = one[9].map(([name]) => name);
      return names.filter((name) => spec.subcommands?.some((sub) => `${one[0]}|${sub.name}` === name) !== true && !refusedCommands.has(name));
    });
    expect(missing).toEqual([]);
  });

  it('gives every command the arity the server gives it', () => {
    const differing = [...real.values()].filter(([name, arity]) => commandSpec(name) !== undefined && commandSpec(name)?.arity !== arity).map(([name]) => name);
    expect(differing).toEqual([]);
  });

  it('says of the same commands that they write', () => {
    const differing = [...real.values()].filter(([name, , flags]) => commandSpec(name) !== undefined && isWrite(name) !== flags.some(({ simple }) => simple === 'write'));
    // Containers carry no flags of their own on the server: XGROUP's subcommands write.
    expect(differing.map(([name]) => name).filter((name) => commandSpec(name)?.subcommands === undefined && name !== 'xgroup')).toEqual([]);
  });

  it('gives fixed key positions as the server does', () => {
    const differing = [...real.values()].filter(([name, , , ...positions]) => {
      const keys = commandSpec(name)?.keys;
      return keys !== undefined && typeof keys !== 'function' && name !== 'object' && keys.join() !== positions.slice(0, 3).join();
    });
    expect(differing.map(([name]) => name).filter((name) => name !== 'sort_ro')).toEqual([]);
  });

  it('describes itself as the server does where keys do not move', () => {
    const { run } = manualKeyspace();
    const own = new Map((plain(run('COMMAND')) as unknown as Described[]).map((one) => [one[0], one]));
    const positions = (one: Described | undefined): unknown => one?.slice(3, 6);
    const differing = [...real.values()].filter((one) => {
      const ours = own.get(one[0]);
      if (ours === undefined || ours[2].some(({ simple }) => simple === 'movablekeys')) return false;
      const subcommands = new Map(ours[9].map((sub) => [sub[0], sub]));
      const sameSubcommands = one[9].every((sub) => {
        const our = subcommands.get(sub[0]);
        return our === undefined || `${our[1]} ${String(positions(our))}` === `${sub[1]} ${String(positions(sub))}`;
      });
      return !sameSubcommands || String(positions(one)) !== String(positions(ours));
    });
    expect(differing.map(([name]) => name)).toEqual([]);
  });

  it('has a sample invocation of every command that names keys', () => {
    const sampled = new Set(invocations.map(([name = '']) => name.toLowerCase()));
    const named = [...real.keys()].filter((name) => {
      const keys = commandSpec(name)?.keys;
      return keys !== undefined && (typeof keys === 'function' || keys[0] !== 0);
    });
    expect(named.filter((name) => !sampled.has(name))).toEqual([]);
  });

  it('finds the keys that COMMAND GETKEYS finds', async () => {
    const served = invocations.filter(([name = '']) => commandSpec(name) !== undefined);
    const keys = await harness.ask(served.map((args) => ['COMMAND', 'GETKEYS', ...args]));
    const real = served.map((args, index) => [args.join(' '), Array.isArray(keys[index]) ? keys[index] : []]);
    expect(served.map((args) => [args.join(' '), keysOf(args)])).toEqual(real);
  });
});

describe('commandSupport', () => {
  it('puts no command in both lists', () => {
    const { supported, refused } = commandSupport();
    const names = new Set(supported);
    expect(refused.filter(({ name }) => names.has(name))).toEqual([]);
    expect(supported.length).toBeGreaterThan(150);
  });

  it('is what docs/commands.md says', () => {
    const written = readFileSync(new URL('../docs/commands.md', import.meta.url), 'utf8');
    expect(written, 'out of date: npm run build && node scripts/generate-command-doc.mjs').toBe(commandsDocument(commandSupport()));
  });
});
