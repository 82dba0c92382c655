import { hintsAlone } from './mutants.ts';
import { bareScenario, hostileScenario, simulate, usualScenario, type Scenario, type SimulationResult } from './simulator.ts';

/** A kind of schedule with its share of the suite. */
export interface SuiteEntry {
  readonly name: string;
  readonly scenario: Omit<Scenario, 'seed'>;
  /** Schedules in a suite of a thousand. */
  readonly share: number;
}

/** What the protocol is run through. */
export const suite: readonly SuiteEntry[] = [
  { name: 'usual, siblings', scenario: usualScenario, share: 200 },
  { name: 'usual, last writer wins', scenario: { ...usualScenario, order: 'last-writer-wins' }, share: 100 },
  { name: 'hostile, siblings', scenario: hostileScenario, share: 200 },
  { name: 'hostile, last writer wins', scenario: { ...hostileScenario, order: 'last-writer-wins' }, share: 100 },
  { name: 'nothing but acknowledgements', scenario: bareScenario, share: 100 },
  { name: 'nothing but hints', scenario: hintsAlone, share: 50 },
  { name: 'a coordinator that forgets', scenario: { ...hostileScenario, rollbacks: 6 }, share: 100 },
  { name: 'bytes, hostile', scenario: { ...hostileScenario, payloads: true }, share: 100 },
  { name: 'two owners', scenario: { ...hostileScenario, replicas: 2, memoryLoss: false }, share: 50 },
];

/** Schedules that once showed a mistake. */
export const seedsThatFailed: readonly { readonly name: string; readonly seed: number }[] = [
  { name: 'usual, siblings', seed: 12 }, { name: 'hostile, siblings', seed: 34 }, { name: 'a coordinator that forgets', seed: 5007 }, { name: 'a coordinator that forgets', seed: 24 },
];

/** Runs schedules of one kind; a violation says how to see it again. */
export async function runSeeds({ name, scenario }: SuiteEntry, from: number, count: number, onResult: (result: SimulationResult) => void = () => {}): Promise<string[]> {
  const problems: string[] = [];
  for (let seed = from; seed < from + count; seed++) {
    const result = await simulate({ ...scenario, seed });
    onResult(result);
    if (result.violations.length > 0) problems.push(`${name}, seed ${seed}: ${result.violations.map(({ kind, message }) => `${kind}: ${message}`).slice(0, 3).join('; ')}`);
  }
  return problems;
}
