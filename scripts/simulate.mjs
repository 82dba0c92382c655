// npm run simulate -- [schedules] [first seed]: the protocol of heads through as many schedules as one likes, on all cores. Exit code 1 when a rule was broken.
import { build, installDependencies } from './setup.mjs';
import { runSuite } from './simulator-pool.mjs';

const [total, first] = [Number(process.argv[2] ?? 100_000), Number(process.argv[3] ?? 1)];
if (!Number.isInteger(total) || total < 1 || !Number.isInteger(first)) {
  console.error('usage: npm run simulate -- [schedules] [first seed], both whole numbers');
  process.exit(2);
}

installDependencies();
build();
let saidAt = performance.now();
const { problems, seconds, ...sums } = await runSuite({
  total, first,
  onProgress: ({ schedules, violations }, found) => {
    for (const problem of found) console.log(`BROKEN ${problem}`);
    if (performance.now() - saidAt < 10_000) return;
    saidAt = performance.now();
    console.log(`${schedules} of ${total} schedules, ${violations} violations`);
  },
});
console.log(`${JSON.stringify(sums)}\n${(sums.schedules / seconds).toFixed(1)} schedules/s`);
process.exit(problems.length > 0 ? 1 : 0);
