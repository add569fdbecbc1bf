import * as preview3 from 'nnrp-core/preview3';
import { afterEach, describe, expect, it } from 'vitest';
import type { NnrpServerOptions } from '../../../src/server/contract/server-config.js';
import type { HandlerFailure } from '../../../src/server/contract/server-events.js';
import type { ServeHandlers } from '../../../src/server/serve/serve-handlers.js';
import { textOf } from '../../support/described.js';
import { eventually } from '../../support/eventually.js';
import { SessionPeer } from '../../support/session-peer.js';
import { Stage } from '../../support/stage.js';

const stage = new Stage();
afterEach(() => stage.clear());

/** A server with this handler, and a bare peer with a session on it. */
async function served(
  submit: ServeHandlers['submit'],
  { announced = true, ...config }: NnrpServerOptions & { announced?: boolean } = {},
): Promise<{ peer: SessionPeer; failures: HandlerFailure[] }> {
  const server = await stage.serve(config);
  const failures: HandlerFailure[] = [];
  server.on('handlerFailure', (failure) => failures.push(failure));
  void server.serve({ submit });
  return { peer: await SessionPeer.open(stage, server, { announced }), failures };
}

describe('an error of a submit handler', () => {
  const kinds: [string, ServeHandlers['submit']][] = [
    [
      'thrown',
      () => {
        throw new Error('broken');
      },
    ],
    ['of a promise', () => Promise.reject(new Error('broken'))],
    [
      'of a generator',
      // biome-ignore lint/correctness/useYield: it fails before it yields
      async function* () {
        throw new Error('broken');
      },
    ],
  ];

  it.each(kinds)(
    'drops the frame and tells an announced client why; the session lives on (%s)',
    async (_name, fail) => {
      const { peer, failures } = await served((operation) => (operation.frameId === 1 ? fail(operation) : 'fine'));
      peer.submit(1);
      const error = await peer.packet();
      expect(textOf(error)).toBe('the handler failed');
      expect(preview3.decodeErrorMessage(error.view, error.metadataStart)).toMatchObject({
        errorCode: preview3.ErrorCode.InternalError,
        errorScope: preview3.ErrorScope.Frame,
        isFatal: 0,
        relatedSessionId: peer.sessionId,
        relatedFrameId: 1,
      });
      expect(await peer.next()).toBe('drop 1');
      peer.submit(2);
      expect(await peer.next()).toBe('result 2 fine');
      expect(failures).toMatchObject([{ sessionId: peer.sessionId, frameId: 1, error: { message: 'broken' } }]);
    },
  );

  it.each(kinds)(
    'drops the frame of a reference client, and says nothing that it does not know (%s)',
    async (_n, fail) => {
      const { peer } = await served((operation) => (operation.frameId === 1 ? fail(operation) : 'fine'), {
        announced: false,
      });
      peer.submit(1);
      expect(await peer.next()).toBe('drop 1');
      peer.submit(2);
      expect(await peer.next()).toBe('result 2 fine');
      expect(await peer.answers()).toEqual([]);
    },
  );

  it('comes after the partial results that were sent before it', async () => {
    const { peer } = await served(async function* () {
      yield 'a';
      throw new Error('broken');
    });
    peer.submit(1);
    expect(await peer.take(3)).toEqual(['partial 1 a', 'error frame 1 internal_error', 'drop 1']);
  });

  it('reaches the client in its own words with exposeHandlerErrors: true, and only then', async () => {
    const { peer } = await served(() => Promise.reject(new Error('a secret')), { exposeHandlerErrors: true });
    peer.submit(1);
    expect(textOf(await peer.packet())).toBe('a secret');
    const silent = await served(() => Promise.reject(new Error('a secret')));
    silent.peer.submit(1);
    const { body } = await silent.peer.packet();
    expect(new TextDecoder().decode(body)).not.toContain('secret');
  });

  it('is cut to 256 bytes between two characters, and may be anything that can be thrown', async () => {
    const { peer, failures } = await served(
      ({ frameId }) => Promise.reject(frameId === 1 ? `a${'é'.repeat(500)}` : null),
      { exposeHandlerErrors: true },
    );
    peer.submit(1);
    expect(textOf(await peer.packet())).toBe(`a${'é'.repeat(127)}`);
    expect(await peer.next()).toBe('drop 1');
    peer.submit(2);
    expect(textOf(await peer.packet())).toBe('null');
    await eventually(() => failures.length === 2, 'both failures are reported');
  });

  it('after the last answer is reported, and sends nothing more', async () => {
    const { peer, failures } = await served(async (operation) => {
      await operation.complete('z');
      throw new Error('too late to matter');
    });
    peer.submit(1);
    expect(await peer.next()).toBe('result 1 z');
    await eventually(() => failures.length === 1, 'the failure is reported');
    peer.submit(2);
    expect((await peer.take(1))[0]).toBe('result 2 z');
  });
});
