// One of the processes of simulator-pool.mjs: runs what it is sent.
import { kill, mutants } from '../dist/testing/simulator/mutants.js';
import { runSeeds, suite } from '../dist/testing/simulator/suite.js';

const counted = ['events', 'acknowledged', 'reads', 'finishedChanges', 'recoveries'];

const runs = {
  schedules: async ({ name, from, count }) => {
    const results = { schedules: 0, violations: 0, ...Object.fromEntries(counted.map((count) => [count, 0])) };
    const problems = await runSeeds(suite.find((entry) => entry.name === name), from, count, (result) => {
      results.schedules += 1;
      for (const name of counted) results[name] += result[name];
      results.violations += result.violations.length;
    });
    return { results, problems };
  },
  mutant: async ({ name, seeds }) => {
    const found = await kill(mutants.find((mutant) => mutant.name === name), Array.from({ length: seeds }, (_, index) => index + 1));
    return { name, ...found };
  },
};

process.on('message', async (task) => process.send(await runs[task.kind](task)));
