import { PeerError } from 'nnrp-core';
import * as preview3 from 'nnrp-core/preview3';
import { afterEach, describe, expect, it } from 'vitest';
import type { HandlerFailure } from '../../src/server/contract/server-events.js';
import { HandlerError } from '../../src/server/failures/handler-error.js';
import type { ServeHandlers } from '../../src/server/serve/serve-handlers.js';
import { SessionPeer } from '../support/session-peer.js';
import { Stage } from '../support/stage.js';

const { PeerMessages, SessionPatchAckStatus, SessionPatchRejectReason } = preview3;
const stage = new Stage();
afterEach(() => stage.clear());

/** A patch of quality tier 13 fails on purpose, one of 14 by a defect; others are applied. */
const patch: ServeHandlers['patch'] = async ({ metadata }) => {
  if (metadata.qualityTier === 13)
    throw new HandlerError('unlucky', 'no such luck', { retryAfterMs: 7, details: [13] });
  if (metadata.qualityTier === 14) throw new Error('a secret');
  return {};
};

async function served(handlers: Partial<ServeHandlers>, exposeHandlerErrors = false) {
  const { server, client } = await stage.pair({ exposeHandlerErrors });
  const failures: HandlerFailure[] = [];
  server.on('handlerFailure', (failure) => failures.push(failure));
  void server.serve({ submit: () => '', ...handlers });
  return { server, session: await client.openSession(), failures };
}

describe('a request whose handler fails', () => {
  it('fails alone: others that wait keep their answers, in order', async () => {
    const { session, failures } = await served({ patch });
    const tiers = [1, 13, 2, 14, 3];
    const outcomes = await Promise.allSettled(tiers.map((qualityTier) => session.patch({ qualityTier })));
    const said = outcomes.map((outcome) =>
      outcome.status === 'fulfilled' ? outcome.value.effectiveQualityTier : outcome.reason.code,
    );
    expect(said).toEqual([1, 'unlucky', 2, 'NNRP_ERR_HANDLER_FAILED', 3]);
    expect(failures.map(({ error }) => (error as Error).message)).toEqual(['a secret']);
  });

  it('is answered although other kinds of requests wait', async () => {
    let release = () => {};
    const migrate = () =>
      new Promise<{ acceptCode: number }>((resolve) => (release = () => resolve({ acceptCode: 5 })));
    const { session } = await served({ patch, migrate });
    const request = { oldTransportId: 1, newTransportId: 2, lastResultFrameId: 0n, clientMigrateTsUs: 0n } as const;
    const moved = session.migrateTransport(request);
    const error = await session.patch({ qualityTier: 13 }).catch((failure: unknown) => failure);
    expect(error).toBeInstanceOf(PeerError);
    const { code, rawMessage, retryAfterMs, isRetryable, details } = error as PeerError;
    expect({ code, rawMessage, retryAfterMs, isRetryable, details }).toEqual({
      code: 'unlucky',
      rawMessage: 'no such luck',
      retryAfterMs: 7,
      isRetryable: true,
      details: [13],
    });
    release();
    expect((await moved).acceptCode).toBe(5);
  });

  it('takes its own answer even when it was given up before', async () => {
    let release = () => {};
    const slow: ServeHandlers['patch'] = async (asked, session) => {
      if (asked.metadata.qualityTier === 13) await new Promise<void>((resolve) => (release = resolve));
      return patch(asked, session);
    };
    const { session } = await served({ patch: slow });
    const late = session.patch({ qualityTier: 13 }, undefined, { timeoutMs: 20 });
    await expect(late).rejects.toMatchObject({ code: 'NNRP_ERR_TIMEOUT' });
    const next = session.patch({ qualityTier: 2 });
    release();
    expect((await next).effectiveQualityTier).toBe(2);
  });

  it('has the message of a defect where the server exposes it', async () => {
    const { session } = await served({ patch }, true);
    await expect(session.patch({ qualityTier: 14 })).rejects.toThrow(/for SESSION_PATCH: a secret$/);
  });

  it('is reported as a defect when the client has its answer already', async () => {
    const { session, failures } = await served({
      patch: async (_patch, of) => {
        await of.sendPatchAck();
        throw new HandlerError('late', 'x');
      },
    });
    expect((await session.patch({ qualityTier: 1 })).effectiveQualityTier).toBe(1);
    await session.close();
    expect(failures.map(({ error }) => (error as Error).message)).toEqual(['x']);
  });

  it('is rejected to a client that does not understand details, with its code and when to try again', async () => {
    const server = await stage.serve();
    const fail = () => {
      throw new HandlerError('unlucky', 'no', { retryAfterMs: 7, wireCode: 77 });
    };
    void server.serve({ submit: () => '', patch: fail, migrate: fail });
    const peer = await SessionPeer.open(stage, server, { families: PeerMessages.ErrorClosePing });
    peer.patch();
    const ack = await peer.packet();
    expect(preview3.decodeSessionPatchAck(ack.view, ack.metadataStart)).toMatchObject({
      ackStatus: SessionPatchAckStatus.Rejected,
      rejectReason: SessionPatchRejectReason.RateLimited,
      retryAfterMs: 7,
    });
    peer.migrate();
    const migrate = await peer.packet();
    expect(preview3.decodeSessionMigrateAck(migrate.view, migrate.metadataStart).acceptCode).toBe(77);
  });
});
