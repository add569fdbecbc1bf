import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: [
      'packages/*/{src,test}/**/*.test.ts',
      'tools/*/{src,test}/**/*.test.ts',
      'spec/test/**/*.test.ts',
      'examples/*.test.ts',
    ],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // A test that leaves something unhandled has failed, whatever its assertions say.
    dangerouslyIgnoreUnhandledErrors: false,
  },
});
