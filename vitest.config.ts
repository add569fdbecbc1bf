import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const SESSION_TESTS = 'packages/nnrp-runtime/test/**/*.test.ts';
/**
 * Those of them that are not about sessions over a connection, whatever carries it. All others run twice: they get their
 * connections from `test/support/carrier.ts`, which is TCP unless a project says otherwise.
 */
const NOT_OVER_QUIC = [
  // Lists and names.
  'sources/*',
  // Processes of their own, which run what is built.
  'processes/*',
  // Transports: QUIC passes the compliance suite in its package.
  'transport/**/*',
  // Plain data and options; addresses, options and certificates of TCP and TLS.
  'values/*',
  // Counts connections of TCP.
  'server/bounds/server-bounds',
  // QUIC tells losses by time.
  'sessions/fake-timers',
  'server/connection/server-outbox',
].map((name) => `packages/nnrp-runtime/test/${name}.test.ts`);

/** The runtime's sources, so that there is one copy of it beside the sources that the tests import. */
const runtime = (entry: string) => fileURLToPath(new URL(`packages/nnrp-runtime/src/${entry}`, import.meta.url));

export default defineConfig({
  test: {
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // On two processors the default is one worker, which mostly waits: for peers that stall, and for processes.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    // A test that leaves something unhandled has failed, whatever its assertions say.
    dangerouslyIgnoreUnhandledErrors: false,
    projects: [
      {
        extends: true,
        test: {
          name: 'default',
          include: [
            'packages/*/{src,test}/**/*.test.ts',
            'tools/*/{src,test}/**/*.test.ts',
            'spec/test/**/*.test.ts',
            'examples/*.test.ts',
          ],
        },
      },
      // Every end-to-end test of the session API once more: what runs over TCP above runs over QUIC here.
      {
        extends: true,
        resolve: {
          alias: [
            { find: /^nnrp-runtime$/, replacement: runtime('index.ts') },
            { find: /^nnrp-runtime\/(transport|testing)$/, replacement: runtime('$1/index.ts') },
          ],
        },
        test: {
          name: 'sessions over QUIC',
          include: [SESSION_TESTS],
          exclude: NOT_OVER_QUIC,
          setupFiles: ['packages/nnrp-transport-quic/test/run-over-quic.ts'],
        },
      },
    ],
  },
});
