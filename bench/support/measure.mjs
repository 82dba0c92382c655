/** What every benchmark shares: the machine, medians, interleaved rounds, CPU time of processes, and how figures are printed. */
import { readFileSync, readdirSync } from 'node:fs';
import { cpus, loadavg, totalmem } from 'node:os';

/**
 * One measured number. `goal`: `">= 0.75"` or `"<= 1.8"`, null where there is none; `anchor`: what it was measured against.
 * @typedef {{ name: string, value: number, unit: string, goal: string | null, anchor: string | null }} Figure
 */

/** The machine the figures come from, as it is now. */
export function machine() {
  return {
    cores: cpus().length, model: cpus()[0]?.model ?? 'unknown', memoryGb: Math.round(totalmem() / 2 ** 30), node: process.version,
    loadAverage: loadavg().map((load) => Math.round(load * 100) / 100),
  };
}

/** The value below which the share `q` of the values lies. */
export function quantile(values, q) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? Number.NaN;
}

/** The middle value. */
export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** The median of a[i] / b[i]: each pair was measured in the same round, under the same load of the machine. */
export function pairedRatio(a, b) {
  return median(a.map((value, index) => value / b[index]));
}

/**
 * Measures the variants in turn, `count` rounds after `warmUp` ones, in an order that turns round by round so that none always comes first.
 * @template T
 * @param {{ count: number, warmUp?: number, variants: Record<string, () => Promise<T>> }} options
 * @returns {Promise<Record<string, T[]>>} by variant, one value a round
 */
export async function interleaved({ count, warmUp = 1, variants }) {
  const names = Object.keys(variants);
  const samples = Object.fromEntries(names.map((name) => [name, []]));
  for (let round = -warmUp; round < count; round++) {
    const turn = Math.abs(round) % names.length;
    for (const name of [...names.slice(turn), ...names.slice(0, turn)]) {
      const value = await variants[name]();
      if (round >= 0) samples[name].push(value);
    }
  }
  return samples;
}

/** CPU time that processes have used so far, all threads, in microseconds. Linux only; elsewhere NaN. */
export function cpuMicros(pids) {
  let nanoseconds = 0;
  for (const pid of pids) {
    try {
      for (const task of readdirSync(`/proc/${pid}/task`)) nanoseconds += Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'utf8').split(' ')[0]);
    } catch {
      return Number.NaN;
    }
  }
  return nanoseconds / 1000;
}

/** Pids of the processes that this one started and that still run. */
export function childPids() {
  try {
    return readdirSync('/proc/self/task').flatMap((task) => readFileSync(`/proc/self/task/${task}/children`, 'utf8').split(' ').filter(Boolean).map(Number));
  } catch {
    return [];
  }
}

/**
 * Runs work and says what each group of processes spent on it, in CPU microseconds.
 * @template T
 * @param {Record<string, readonly number[]>} groups pids by name
 * @param {() => Promise<T>} work
 * @returns {Promise<{ value: T, seconds: number, cpu: Record<string, number> }>}
 */
export async function metered(groups, work) {
  const before = Object.fromEntries(Object.entries(groups).map(([name, pids]) => [name, cpuMicros(pids)]));
  const startedAt = performance.now();
  const value = await work();
  const seconds = (performance.now() - startedAt) / 1000;
  const cpu = Object.fromEntries(Object.entries(groups).map(([name, pids]) => [name, cpuMicros(pids) - before[name]]));
  return { value, seconds, cpu };
}

/** A number as people read it. */
export function rounded(value, digits = 3) {
  return Number(value.toPrecision(digits));
}

/** Whether a value meets its goal; undefined without one. */
export function meets({ value, goal }) {
  const match = goal === null ? null : /^(<=|>=) ([\d.]+)$/.exec(goal);
  if (match === null) return undefined;
  return match[1] === '<=' ? value <= Number(match[2]) : value >= Number(match[2]);
}

/** The figures as a table for a terminal. */
export function table(figures) {
  const rows = [['', 'figure', 'value', 'unit', 'goal', 'measured against'], ...figures.map((figure) => {
    const met = meets(figure);
    return [met === undefined ? ' ' : met ? '✓' : '✗', figure.name, String(figure.value), figure.unit, figure.goal ?? '', figure.anchor ?? ''];
  })];
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  return rows.map((row) => row.map((cell, column) => (column === 2 ? cell.padStart(widths[column]) : cell.padEnd(widths[column]))).join('  ').trimEnd()).join('\n');
}
