import { describe, expect, test } from 'vitest';
import { simulate as run, type PlacementCache, type SimulationOptions, type SimulationResult } from './simulate.ts';

const base: SimulationOptions = {
  nodes: 8, requestsPerSecond: 80_000, zipf: 0, elements: 100_000, replicas: 1, elementBytes: 1000, drift: 0, flash: 0, serviceMs: 0.05, service: 'exponential', clients: 16,
  nodeBytes: 1e9, nodeCost: 0.2, failures: 0, requests: 400_000, target: 0.7, seed: '00000001000000020000000300000013',
};

const cache: PlacementCache = new Map();
const simulate = (options: SimulationOptions): SimulationResult => run(options, { cache });

describe('as theory has it', () => {
  test('uniform reads of one owner each: utilisation ρ, and the mean time of M/M/1', () => {
    const { utilisation, latency, load } = simulate(base);
    expect(utilisation.mean).toBeCloseTo(0.5, 2);
    expect(load.maxToMean).toBeLessThan(1.05);
    // s ÷ (1 − ρ), a little more as slots are not quite even
    expect(latency.meanMs / (0.05 / (1 - 0.5))).toBeGreaterThan(0.97);
    expect(latency.meanMs / (0.05 / (1 - 0.5))).toBeLessThan(1.06);
    expect(latency.evenMs).toBeCloseTo(0.1, 9);
    // an exponential time has its median at ln 2 and its 99th percentile at ln 100 means; the histogram is right to an eighth
    expect(latency.p99Ms / (0.1 * Math.log(100))).toBeGreaterThan(0.85);
    expect(latency.p99Ms / (0.1 * Math.log(100))).toBeLessThan(1.3);
  });

  test('with fixed service times, that of M/D/1', () => {
    const { latency } = simulate({ ...base, service: 'fixed' });
    expect(latency.meanMs / (0.05 * 1.5)).toBeGreaterThan(0.97);
    expect(latency.meanMs / (0.05 * 1.5)).toBeLessThan(1.06);
  });

  test('twice the nodes, half the load of each; two replicas, twice the memory', () => {
    const [one, twice, replicated] = [simulate(base), simulate({ ...base, nodes: 16 }), simulate({ ...base, replicas: 2 })];
    expect(twice.utilisation.mean / one.utilisation.mean).toBeCloseTo(0.5, 2);
    expect(twice.memory.meanBytes / one.memory.meanBytes).toBeCloseTo(0.5, 3);
    expect(replicated.memory.meanBytes / one.memory.meanBytes).toBeCloseTo(2, 2);
    expect(twice.costPerHour).toBe(2 * one.costPerHour);
  });

  test('one element that everybody reads: replicas carry it, where one owner could not', () => {
    const skewed: SimulationOptions = { ...base, zipf: 1.3, replicas: 2, nodes: 16, requestsPerSecond: 160_000, requests: 200_000 };
    const { load, hot, utilisation } = simulate(skewed);
    expect(hot.mostExtraCopies).toBeGreaterThan(10);
    expect(load.maxToMean).toBeLessThan(1.03);
    expect(utilisation.busiest).toBeLessThan(0.55);
  });

  test('too much traffic is told', () => {
    const { utilisation, needed } = simulate({ ...base, requestsPerSecond: 240_000 });
    expect(utilisation.mean).toBeGreaterThan(1);
    expect(needed.limit).toBe('traffic');
    expect(needed.nodes).toBeGreaterThanOrEqual(Math.ceil((240_000 * 0.00005) / 0.7));
    expect(needed.nodes).toBeLessThanOrEqual(Math.ceil((1.06 * 240_000 * 0.00005) / 0.7));
  });
});

describe('changes', () => {
  test('drift and a flash crowd make copies, and cost little balance', () => {
    const still = simulate({ ...base, zipf: 1.1, replicas: 2 });
    const moving = simulate({ ...base, zipf: 1.1, replicas: 2, drift: 0.02, flash: 0.1 });
    expect(moving.hot.copiesMade).toBeGreaterThan(still.hot.copiesMade);
    expect(moving.load.maxToMean).toBeLessThan(1.03);
  });

  test('a node that joins or leaves moves little more than it must', () => {
    const { join, leave } = simulate({ ...base, replicas: 2, requests: 50_000 });
    expect(join.least).toBeCloseTo(1 / 9, 9);
    expect(leave.least).toBeCloseTo(1 / 8, 2);
    for (const { moved, least } of [join, leave]) {
      expect(moved).toBeGreaterThan(least * 0.99);
      expect(moved).toBeLessThan(least + 0.025); // what must move, and the budget of a re-plan
    }
  });

  test('of a node lost half way nothing is unreadable with two replicas, and something with one', () => {
    const lost: SimulationOptions = { ...base, replicas: 2, failures: 1, zipf: 1.1, requestsPerSecond: 20_000 };
    expect(simulate(lost).failure?.unreadable).toBe(0);
    expect(simulate(lost).failure?.replaced).toBeLessThan(1.05);
    expect(simulate({ ...lost, replicas: 1 }).failure?.unreadable).toBeGreaterThan(0);
  });

  test('the same options give the same result', () => {
    const options: SimulationOptions = { ...base, zipf: 1.1, drift: 0.02, flash: 0.1, requests: 50_000 };
    expect(simulate(options)).toEqual(simulate(options));
  });
});
