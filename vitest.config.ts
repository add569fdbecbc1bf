import { readdirSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

/*
 * Each test file belongs to one project: what no other project names is a unit test. The sessions run once more over QUIC,
 * over Unix domain sockets and over WebSocket.
 */

/** Processes that run what is built, and whatever else takes long. */
const SLOW = [
  'examples/test/*.test.ts',
  'packages/nnrp-cli/test/**/*.test.ts',
  'packages/nnrp-cli/src/serve/handlers.test.ts',
  'packages/nnrp-core/test/**/splitter.fuzz.test.ts',
  'packages/nnrp-runtime/test/processes/*.test.ts',
  'packages/nnrp-runtime/test/sources/{private-members,portable-types}.test.ts',
  'packages/nnrp-runtime/test/values/shown-objects.test.ts',
  'packages/nnrp-transport-quic/test/**/{closing-processes,cluster,held-handshakes,lossy*,many-connections}.test.ts',
  'packages/nnrp-transport-websocket/test/{held,nginx}/*.test.ts',
  'tools/conformance/{src,test}/**/*.test.ts',
  'tools/fuzz/test/**/*.test.ts',
];

/** TCP, TLS, QUIC, WebSocket, memory and transports of the application's own; those in a package have their tests there. */
const TRANSPORTS = [
  'packages/nnrp-transport-quic/test/**/*.test.ts',
  'packages/nnrp-transport-websocket/test/**/*.test.ts',
  ...[
    'transport/**/*',
    'values/realms',
    // Cut over TCP and TLS here, over QUIC in its package.
    'recovery/**/*',
    // Its connections are cut over TCP.
    'preview4/model/*',
    // Moves between TCP and TLS here, to QUIC in its package.
    'migration/*',
    // Counts connections of TCP.
    'server/bounds/server-bounds',
    // QUIC tells losses by time.
    'sessions/fake-timers',
  ].map((name) => `packages/nnrp-runtime/test/${name}.test.ts`),
];

/** Of the runtime's tests, those that have no connection: sources, lists and plain data. */
const WITHOUT_SESSIONS = ['sources/*', 'values/*', 'server/connection/server-outbox'].map(
  (name) => `packages/nnrp-runtime/test/${name}.test.ts`,
);

/** They count all timers of their process, so that each has one of its own: what another test leaves would be counted. */
const COUNTING_TIMERS = [
  'packages/nnrp-cli/src/serve/limited-log.test.ts',
  'packages/nnrp-runtime/src/{client/connection/keep-alive,server/failures/unhandled-failures}.test.ts',
  'packages/nnrp-runtime/src/transport/connecting/race.test.ts',
  'packages/nnrp-runtime/test/values/server-deadline-queue.test.ts',
];

/** They get their connections from `test/support/carrier.ts`, which is TCP unless a project says otherwise. */
const SESSIONS = {
  include: ['packages/nnrp-runtime/test/**/*.test.ts'],
  exclude: [...WITHOUT_SESSIONS, ...TRANSPORTS, ...SLOW],
};

/** What looks at sessions from outside: over TCP alone. */
const BESIDE_SESSIONS = ['packages/nnrp-{opentelemetry,admin}/test/**/*.test.ts'];

/** The entries of all packages, each with its source: tests see sources, whatever has been built. */
const sources = [...['packages', 'tools'].flatMap(foldersIn)].flatMap((folder) => {
  const { name, exports = {} } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest;
  return Object.entries(exports).flatMap(([path, entry]) => {
    if (typeof entry === 'string') return [];
    const source = entry.types.replace('./dist/', './src/').replace(/\.d\.ts$/, '.ts');
    return [{ find: new RegExp(`^${name}${path.slice(1)}$`), replacement: join(folder, source) }];
  });
});

interface Manifest {
  readonly name: string;
  readonly exports?: Readonly<Record<string, string | { readonly types: string }>>;
}

function foldersIn(parent: string): string[] {
  const path = fileURLToPath(new URL(parent, import.meta.url));
  const entries = readdirSync(path, { withFileTypes: true });
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => join(path, name));
}

export default defineConfig({
  resolve: { alias: sources },
  test: {
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // On two processors the default is one worker. A worker mostly waits: for peers that stall, and for processes.
    maxWorkers: Math.max(3, availableParallelism() - 1),
    // A test that leaves something unhandled has failed, whatever its assertions say.
    dangerouslyIgnoreUnhandledErrors: false,
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          // They leave nothing behind, and each process loads the sources once.
          isolate: false,
          include: [
            'packages/*/src/**/*.test.ts',
            'packages/nnrp-core/test/**/*.test.ts',
            'tools/*/{src,test}/**/*.test.ts',
            ...WITHOUT_SESSIONS,
          ],
          exclude: [...COUNTING_TIMERS, ...TRANSPORTS, ...SLOW],
        },
      },
      { extends: true, test: { name: 'sessions', ...SESSIONS, include: [...SESSIONS.include, ...BESIDE_SESSIONS] } },
      {
        extends: true,
        test: {
          name: 'sessions-quic',
          ...SESSIONS,
          setupFiles: ['packages/nnrp-transport-quic/test/run-over-quic.ts'],
        },
      },
      {
        extends: true,
        test: {
          name: 'sessions-ipc',
          ...SESSIONS,
          setupFiles: ['packages/nnrp-runtime/test/transport/ipc/run-over-ipc.ts'],
        },
      },
      {
        extends: true,
        test: {
          name: 'sessions-websocket',
          ...SESSIONS,
          setupFiles: ['packages/nnrp-transport-websocket/test/run-over-websocket.ts'],
        },
      },
      { extends: true, test: { name: 'transports', include: TRANSPORTS, exclude: SLOW } },
      { extends: true, test: { name: 'timers', include: COUNTING_TIMERS } },
      { extends: true, test: { name: 'gateway', include: ['packages/nnrp-openai/test/**/*.test.ts'] } },
      { extends: true, test: { name: 'slow', include: SLOW } },
    ],
  },
});
