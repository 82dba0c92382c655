/** The protocol of a cluster in the deterministic simulator: schedules of the suite over all cores, and the deliberate mistakes that they must find. */
import { killMutants, runSuite } from '../scripts/simulator-pool.mjs';

export const claim = 'a suite of 2,000 schedules of faults breaks no rule of the protocol within two minutes, and finds every deliberate mistake';

export const servers = [];

/** Schedules of the suite, the first seed of each kind of them, and seeds tried against each mutant. */
export const options = { schedules: 2000, first: 1, seeds: 6000 };

/** What the suite may take for 2,000 schedules, in seconds. */
const [usualSchedules, mostSeconds] = [2000, 120];

export async function measure({ schedules, first, seeds } = options) {
  const suite = await runSuite({ total: schedules, first });
  for (const problem of suite.problems) console.error(`BROKEN ${problem}`);
  const mutants = await killMutants(seeds);
  const killed = mutants.filter(({ seed }) => seed !== undefined);
  return [
    { name: 'rules broken', value: suite.violations, unit: 'violations', goal: '<= 0', anchor: `${suite.schedules} schedules from seed ${first} on` },
    { name: `time for ${usualSchedules} schedules`, value: (suite.seconds / suite.schedules) * usualSchedules, unit: 's', goal: `<= ${mostSeconds}`, anchor: `${suite.schedules} took ${suite.seconds.toFixed(1)} s` },
    { name: 'schedules', value: suite.schedules / suite.seconds, unit: '/s' },
    { name: 'events', value: suite.events / suite.seconds, unit: '/s', anchor: `${suite.events}` },
    { name: 'acknowledged writes', value: suite.acknowledged, unit: 'writes' },
    { name: 'reads checked', value: suite.reads, unit: 'reads' },
    { name: 'changes of owners finished', value: suite.finishedChanges, unit: 'changes' },
    { name: 'maps recovered from the state nodes', value: suite.recoveries, unit: 'recoveries' },
    { name: 'mutants found out', value: killed.length / mutants.length, unit: 'of all', goal: '>= 1', anchor: `${killed.length} of ${mutants.length}, up to ${seeds} seeds each` },
    ...mutants.map(({ name, seed, kinds }) => ({ name: `  ${name}`, value: seed ?? Number.NaN, unit: 'first seed', anchor: kinds?.join(', ') ?? 'not found out' })),
  ];
}
