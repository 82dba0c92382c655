import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
    // Files one after the other: the end-to-end ones start services and servers of their own and want both cores.
    fileParallelism: false,
    // Real processes on a shared machine: one more try, and vitest says that it took one.
    retry: 1,
    testTimeout: 60_000,
    hookTimeout: 120_000,
    reporters: ['default'],
  },
});
