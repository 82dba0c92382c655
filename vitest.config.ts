import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    // Real processes on a shared machine: up to two more tries, and vitest says how many it took.
    retry: 2,
    testTimeout: 60_000,
    hookTimeout: 120_000,
    reporters: ['default'],
    projects: [
      { extends: true, test: { name: 'unit', include: ['src/**/*.test.ts'], maxWorkers: 2, sequence: { groupOrder: 0 } } },
      // These start services and servers of their own: not beside the others.
      { extends: true, test: { name: 'end to end', include: ['test/**/*.test.ts'], maxWorkers: 2, sequence: { groupOrder: 1 } } },
    ],
  },
});
