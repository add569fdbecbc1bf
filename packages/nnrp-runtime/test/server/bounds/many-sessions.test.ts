import { afterEach, expect, it } from 'vitest';
import { eventually } from '../../support/eventually.js';
import { cpuMs, expectSameTime } from '../../support/measuring.js';
import { announcedOpenBytes } from '../../support/session-peer.js';
import { Stage } from '../../support/stage.js';

const ON_EACH = 1000;
const CONNECTIONS = 10;
const CALLS = 20;

const stage = new Stage();
afterEach(() => stage.clear());

it('what a server says of itself takes as long for each of ten thousand sessions as for each of a thousand', async () => {
  const ofSize = async (connections: number) => {
    const server = await stage.serve();
    for (let connection = 0; connection < connections; connection++) {
      const peer = await stage.peer(server);
      const opens = Array.from({ length: ON_EACH }, (_, index) =>
        announcedOpenBytes({ requestedSessionId: connection * ON_EACH + index + 1 }),
      );
      peer.send(...opens);
    }
    await eventually(() => server.sessionCount === connections * ON_EACH, 'all are open');
    return server;
  };
  const small = await ofSize(1);
  const large = await ofSize(CONNECTIONS);
  for (const ask of ['stats', 'sessions', 'counters'] as const) {
    const timed = (server: typeof small) => () => {
      const startMs = cpuMs();
      for (let call = 0; call < CALLS; call++) server[ask]();
      return cpuMs() - startMs;
    };
    expectSameTime(timed(small), timed(large), (smallMs) => smallMs * CONNECTIONS * 3 + 20);
  }
  expect(large.stats().sessions?.value).toBe(CONNECTIONS * ON_EACH);
  expect(large.sessions()).toHaveLength(CONNECTIONS * ON_EACH);
}, 60_000);
