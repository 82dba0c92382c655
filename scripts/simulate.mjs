// npm run simulate -- [schedules] [first seed]: the protocol of heads through as many schedules as one likes, on all cores. Exit code 1 when a rule was broken.
import { fork } from 'node:child_process';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { build, installDependencies } from './setup.mjs';

const self = fileURLToPath(import.meta.url);
const [total, first] = [Number(process.argv[2] ?? 100_000), Number(process.argv[3] ?? 1)];
if (!Number.isInteger(total) || total < 1 || !Number.isInteger(first)) {
  console.error('usage: npm run simulate -- [schedules] [first seed], both whole numbers');
  process.exit(2);
}

if (process.send === undefined) await lead();
else await work();

async function lead() {
  installDependencies();
  build();
  const workers = cpus().length;
  const sums = { schedules: 0, events: 0, acknowledged: 0, reads: 0, finishedChanges: 0, recoveries: 0, violations: 0 };
  const startedAt = performance.now();
  const ticker = setInterval(() => console.log(`${sums.schedules} of ${total} schedules, ${sums.violations} violations`), 10_000);
  await Promise.all(Array.from({ length: workers }, (_, index) => new Promise((resolve, reject) => {
    const child = fork(self, [String(Math.ceil((total - index) / workers)), String(first + index * Math.ceil(total / workers))]);
    child.on('message', ({ results, problems }) => {
      for (const [name, value] of Object.entries(results)) sums[name] += value;
      for (const problem of problems) console.log(`BROKEN ${problem}`);
    });
    child.on('exit', (code) => (code === 0 ? resolve() : reject(new Error(`a worker ended with ${code}`))));
  })));
  clearInterval(ticker);
  console.log(`${JSON.stringify(sums)}\n${(sums.schedules / ((performance.now() - startedAt) / 1000)).toFixed(1)} schedules/s`);
  process.exit(sums.violations > 0 ? 1 : 0);
}

async function work() {
  const { runSeeds, suite } = await import('../dist/testing/simulator/suite.js');
  for (const entry of suite) {
    const count = Math.ceil((entry.share * total) / 1000);
    for (let done = 0; done < count; done += 20) {
      const results = { schedules: 0, events: 0, acknowledged: 0, reads: 0, finishedChanges: 0, recoveries: 0, violations: 0 };
      const problems = await runSeeds(entry, first + done, Math.min(20, count - done), (result) => {
        results.schedules += 1;
        for (const name of ['events', 'acknowledged', 'reads', 'finishedChanges', 'recoveries']) results[name] += result[name];
        results.violations += result.violations.length;
      });
      process.send({ results, problems });
    }
  }
  process.disconnect();
}
