import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, test } from 'vitest';
import { asksKernel, FakeClock, withoutWaits } from './fake-clock.ts';

const python = spawnSync('python3', ['--version']).status === 0;
const open: FakeClock[] = [];
const created = FakeClock.create(0);
created?.close([]);
const present = created !== null && python;
if (!present && process.env['CI'] !== undefined) throw new Error('libfaketime or python3 is missing: it may not be skipped in CI');
if (!present) console.warn('SKIPPED: libfaketime or python3 is missing, the clock of services in other languages is not tested');

afterEach(() => {
  for (const clock of open.splice(0)) clock.close([]);
});

/** A program that answers each line with the time of day, how long a sleep of 50 ms took, and the same for waits with a time limit. */
const script = `
import ctypes, os, select, sys, threading, time
libc = ctypes.CDLL(None)

def timer():
    begun = time.monotonic(); until = time.monotonic_ns() + 50_000_000
    fd = libc.timerfd_create(time.CLOCK_MONOTONIC, 0)
    libc.timerfd_settime(fd, 1, (ctypes.c_long * 4)(0, 0, until // 10**9, until % 10**9), None)
    select.select([fd], [], [], 3); os.close(fd)
    return time.monotonic() - begun

def condition(clock):
    attributes, condition = ctypes.create_string_buffer(64), ctypes.create_string_buffer(64)
    libc.pthread_condattr_init(attributes); libc.pthread_condattr_setclock(attributes, clock)
    libc.pthread_cond_init(condition, attributes)
    return condition

def wait(condition, clock, mutex=ctypes.create_string_buffer(64)):
    begun = time.monotonic(); until = time.clock_gettime_ns(clock) + 50_000_000
    libc.pthread_mutex_lock(mutex)
    libc.pthread_cond_timedwait(condition, mutex, (ctypes.c_long * 2)(until // 10**9, until % 10**9))
    libc.pthread_mutex_unlock(mutex)
    return time.monotonic() - begun

steady, wall = condition(time.CLOCK_MONOTONIC), condition(time.CLOCK_REALTIME)
for line in sys.stdin:
    begun = time.monotonic(); time.sleep(0.05); slept = time.monotonic() - begun
    begun = time.monotonic(); threading.Event().wait(0.05); waited = time.monotonic() - begun
    begun = time.monotonic(); select.select([], [], [], 0.05); selected = time.monotonic() - begun
    conditions = wait(steady, time.CLOCK_MONOTONIC), wait(wall, time.CLOCK_REALTIME)
    print(time.time() * 1000, *(1000 * took for took in (slept, waited, selected, timer(), *conditions)), flush=True)
`;

describe.skipIf(!present)('the clock of a Python program', () => {
  test('starts where it is told, runs on, and can be set while it runs; sleeps and waits stay real', async () => {
    const clock = FakeClock.create(-1_000_000_000) as FakeClock;
    open.push(clock);
    const child = spawn('/usr/bin/env', ['python3', '-c', script], { env: { ...process.env, ...clock.environment('') }, stdio: ['pipe', 'pipe', 'inherit'] });
    const answers = createInterface(child.stdout)[Symbol.asyncIterator]();
    const ask = async (): Promise<number[]> => {
      child.stdin.write('\n');
      return ((await answers.next()).value as string).split(' ').map(Number);
    };
    const near = async (expected: () => number): Promise<void> => {
      const [now = 0, ...took] = await ask();
      expect(Math.abs(now - expected())).toBeLessThan(1_000);
      for (const ms of took) expect(ms).toBeGreaterThanOrEqual(49);
      for (const ms of took) expect(ms).toBeLessThan(2_000);
    };
    await near(() => Date.now() - 1_000_000_000);
    expect(clock.isAskedBy([child.pid as number])).toBe(true);
    const moments = [Date.UTC(2019, 1, 3), Date.UTC(2041, 5, 6, 7, 8, 9, 10)];
    for (const moment of moments) {
      const setAt = performance.now();
      clock.set(moment);
      await near(() => moment + performance.now() - setAt);
      await near(() => moment + performance.now() - setAt);
    }
    child.stdin.end();
    expect(await once(child, 'exit')).toEqual([0, null]);
  });
});

/** A thread sleeps and waits, 20 ms each, with its eye on the steady clock; at the end the program says how often, and the shortest and longest round in ms. */
const backgroundScript = `
import sys, threading, time
condition, rounds = threading.Condition(), []
def work():
    while True:
        begun = time.monotonic(); time.sleep(0.02)
        with condition: condition.wait(0.02)
        rounds.append(1000 * (time.monotonic() - begun))
threading.Thread(target=work, daemon=True).start()
print('ready', flush=True)
sys.stdin.readline()
print(len(rounds), min(rounds), max(rounds), flush=True)
`;

test.skipIf(!present)('a thread in the background keeps its pace while the time of day jumps to and fro', async () => {
  const clock = FakeClock.create(0) as FakeClock;
  open.push(clock);
  const child = spawn('/usr/bin/env', ['python3', '-c', backgroundScript], { env: { ...process.env, ...clock.environment('') }, stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  await lines.next();
  for (let jump = 0; jump < 100; jump++) {
    clock.set(Date.UTC(2000 + (jump * 37) % 60, 0, 1));
    await new Promise((done) => setTimeout(done, 10));
  }
  child.stdin.end('\n');
  const [count = 0, shortest = 0, longest = 0] = ((await lines.next()).value as string).split(' ').map(Number);
  expect(count).toBeGreaterThan(5);
  expect(shortest).toBeGreaterThanOrEqual(39);
  expect(longest).toBeLessThan(1_000);
  if (child.exitCode === null) await once(child, 'exit');
});

test.skipIf(!present)('a process that does not have the library in it does not ask the clock', async () => {
  const clock = FakeClock.create(0) as FakeClock;
  open.push(clock);
  const child = spawn('/usr/bin/env', ['python3', '-c', 'input()'], { stdio: ['pipe', 'ignore', 'inherit'] });
  await once(child, 'spawn');
  expect([clock.isAskedBy([child.pid as number]), clock.isAskedBy([])]).toEqual([false, false]);
  child.stdin.end('\n');
  await once(child, 'exit');
});

const goProgram = fileURLToPath(new URL('../../node_modules/@oxlint-tsgolint/linux-x64/tsgolint', import.meta.url));

test.skipIf(!existsSync(goProgram))('a program written in Go asks the kernel, others do not', () => {
  expect([goProgram, process.execPath, '/bin/sh'].map(asksKernel)).toEqual([true, false, false]);
});

test.skipIf(created === null)('everybody may read what a clock needs, whatever the mask of new files', () => {
  const mask = process.umask(0o077);
  try {
    const clock = FakeClock.create(0) as FakeClock;
    open.push(clock);
    const { LD_PRELOAD: library = '', FAKETIME_TIMESTAMP_FILE: file = '' } = clock.environment('');
    expect([dirname(library), library, file].map((path) => (statSync(path).mode & 0o777).toString(8))).toEqual(['755', '644', '644']);
  } finally {
    process.umask(mask);
  }
});

test('a library is patched in its table of symbols, and left as it is where the name does not stand twice', () => {
  const library = Buffer.from('ELF\0time\0clock_nanosleep\0poll\0code\0clock_nanosleep\0');
  expect(withoutWaits(library).toString()).toBe('ELF\0time\0unusednanosleep\0poll\0code\0clock_nanosleep\0');
  const single = Buffer.from('ELF\0__clock_nanosleep\0clock_nanosleep\0');
  expect(withoutWaits(single)).toBe(single);
});
