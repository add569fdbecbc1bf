import * as preview3 from 'nnrp-core/preview3';
import { afterEach, describe, expect, it } from 'vitest';
import type { CloseOptions } from '../../src/client/session/close-options.js';
import { Stage } from '../support/stage.js';

const { InFlightPolicy } = preview3;
const stage = new Stage();
afterEach(() => stage.clear());

/** A session of a client that announces nothing, so the server drops without a word, with work that never ends. */
async function working() {
  const { server, client } = await stage.pair({}, { announce: false });
  void server.serve({ submit: (operation) => operation.finished });
  const session = await client.openSession();
  const failure = (await session.submit('x')).result().catch((error: unknown) => error);
  return { client, session, failure };
}

describe('what a client’s own close cuts at a server that does not say why', () => {
  it.each<[string, CloseOptions]>([
    ['no time to drain', { drainTimeoutMs: 0 }],
    ['the policy abort', { inFlightPolicy: InFlightPolicy.Abort }],
    ['a time to drain that is over', { drainTimeoutMs: 20 }],
  ])('is closed: %s', async (_what, options) => {
    for (const whole of ['client', 'session'] as const) {
      const work = await working();
      const closed = work[whole].close(options);
      expect(await work.failure).toMatchObject({ name: 'ClosedError', code: 'NNRP_ERR_CLOSED', isRetryable: false });
      expect((await closed).drained).toBe(false);
    }
  });

  it('is not what its handler drops while there is time', async () => {
    const { server, client } = await stage.pair({}, { announce: false });
    let drop = () => {};
    void server.serve({
      submit: (operation) => {
        drop = () => void operation.drop();
        return operation.finished;
      },
      close: () => drop(),
    });
    const session = await client.openSession();
    const failure = (await session.submit('x')).result().catch((error: unknown) => error);
    const closed = session.close({ drainTimeoutMs: 60_000 });
    expect(await failure).toMatchObject({ code: 'NNRP_ERR_RESULT_DROPPED' });
    await closed;
  });
});
