// Schedules of the simulator over all cores: who asks gets the results piece by piece, and the sums.
import { fork } from 'node:child_process';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';

const worker = fileURLToPath(new URL('simulator-worker.mjs', import.meta.url));
/** Schedules that a worker runs before it is asked for the next ones. */
const schedulesAtOnce = 20;

/** Gives each task to the worker that is idle first; answers come as they are ready. */
export async function overAllCores(tasks, onAnswer) {
  const waiting = [...tasks];
  await Promise.all(Array.from({ length: Math.min(cpus().length, waiting.length) }, () => new Promise((resolve, reject) => {
    const child = fork(worker);
    const next = () => {
      const task = waiting.shift();
      if (task === undefined) child.disconnect();
      else child.send(task);
    };
    child.on('message', (answer) => {
      onAnswer(answer);
      next();
    });
    child.on('exit', (code) => (code === 0 ? resolve() : reject(new Error(`a worker ended with ${code}`))));
    next();
  })));
}

/** Runs a suite of so many schedules, with the seeds from `first` on in each of its kinds. */
export async function runSuite({ total, first = 1, onProgress = () => {} }) {
  const { suite } = await import('../dist/testing/simulator/suite.js');
  const tasks = suite.flatMap(({ name, share }) => {
    const count = Math.ceil((share * total) / 1000);
    return Array.from({ length: Math.ceil(count / schedulesAtOnce) }, (_, piece) => {
      const done = piece * schedulesAtOnce;
      return { kind: 'schedules', name, from: first + done, count: Math.min(schedulesAtOnce, count - done) };
    });
  });
  const sums = { schedules: 0, events: 0, acknowledged: 0, reads: 0, finishedChanges: 0, recoveries: 0, violations: 0 };
  const problems = [];
  const startedAt = performance.now();
  await overAllCores(tasks, ({ results, problems: found }) => {
    for (const [name, value] of Object.entries(results)) sums[name] += value;
    problems.push(...found);
    onProgress(sums, found);
  });
  return { ...sums, problems, seconds: (performance.now() - startedAt) / 1000 };
}

/** The first seed of 1 to `seeds` that kills each mutant, by its name; undefined: none does. */
export async function killMutants(seeds) {
  const { mutants } = await import('../dist/testing/simulator/mutants.js');
  const found = new Map();
  // Those that take longest come first.
  const tasks = [...mutants].sort((a, b) => b.foundBy - a.foundBy).map(({ name }) => ({ kind: 'mutant', name, seeds }));
  await overAllCores(tasks, ({ name, seed, kinds }) => found.set(name, { seed, kinds }));
  return mutants.map(({ name }) => ({ name, ...found.get(name) }));
}
