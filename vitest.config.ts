import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const SESSION_TESTS = 'packages/nnrp-runtime/test/*.test.ts';
/**
 * Those of them that are not about sessions over a connection, whatever carries it. All others run twice: they get their
 * connections from `test/carrier.ts`, which is TCP unless a project says otherwise.
 */
const NOT_OVER_QUIC = [
  // Lists and names.
  'api-table',
  'beyond-the-reference',
  'entry-points',
  // Processes of their own, which run what is built.
  'promises-walk',
  'memory-bounds*',
  // Addresses and options of TCP and TLS; QUIC has its own.
  'config',
  // Transports: QUIC passes the compliance suite in its package.
  '*.compliance',
  'stream-transport',
  'turn-share',
  'lent-packets',
  'own-transports',
  'server-bounds',
  'paced-writer',
  'tls*',
  // Sources, plain data, and options and certificates of TCP and TLS.
  'no-instanceof',
  'json-events',
  'shown-objects',
  'option-bags',
  'connect-failures',
  'accept-failures',
  'realms',
  // No connection at all.
  'server-deadline-queue',
  // QUIC tells losses by time.
  'fake-timers',
  'server-outbox',
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
