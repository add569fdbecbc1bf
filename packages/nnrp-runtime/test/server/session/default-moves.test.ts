import * as preview3 from 'nnrp-core/preview3';
import { afterEach, describe, expect, it } from 'vitest';
import type { NnrpServerOptions } from '../../../src/server/contract/server-config.js';
import type { ServeHandlers } from '../../../src/server/serve/serve-handlers.js';
import { SessionPeer } from '../../support/session-peer.js';
import { Stage } from '../../support/stage.js';

const { SessionFlags, TransportId } = preview3;
const stage = new Stage();
afterEach(() => stage.clear());

interface Asked {
  readonly config?: NnrpServerOptions;
  readonly open?: Partial<preview3.SessionOpen>;
  readonly handlers?: Partial<ServeHandlers>;
  readonly move?: Partial<preview3.SessionMigrate>;
}

/** What a server that serves says to a client that asks to move. */
async function answer({
  config = {},
  open = {},
  handlers = {},
  move = {},
}: Asked): Promise<preview3.SessionMigrateAck> {
  const server = await stage.serve(config);
  const peer = await SessionPeer.open(stage, server, { sessionFlags: SessionFlags.AllowResume, ...open });
  void server.serve({ submit: () => '', ...handlers });
  peer.migrate({ lastResultFrameId: 7n, ...move });
  const packet = await peer.packet();
  return preview3.decodeSessionMigrateAck(packet.view, packet.metadataStart);
}

describe('a move that no handler decides about', () => {
  it('is allowed for a session that can be resumed, for the time that the server gives', async () => {
    expect(await answer({})).toMatchObject({ acceptCode: 0, graceWindowMs: 10_000, resumeFromFrameId: 8n });
    const config = { migrationGraceMs: 77 };
    expect(await answer({ config })).toMatchObject({ acceptCode: 0, graceWindowMs: 77 });
  });

  it('is allowed after the last frame that there can be (MIG-4)', async () => {
    const lastResultFrameId = 0xffff_ffff_ffff_ffffn;
    expect(await answer({ move: { lastResultFrameId } })).toMatchObject({
      acceptCode: 0,
      resumeFromFrameId: lastResultFrameId,
    });
  });

  it.each<[string, Asked]>([
    ['the client has not allowed to resume', { open: { sessionFlags: 0 } }],
    ['the server resumes nothing', { config: { resumeWindowMs: 0 } }],
    ['the server hands out no tokens', { config: { resumeTokenBytes: 0 } }],
    ['the server gives no time for it', { config: { migrationGraceMs: 0 } }],
    [
      'both transports are the same (MIG-3)',
      { move: { oldTransportId: TransportId.Tcp, newTransportId: TransportId.Tcp } },
    ],
    ['a handler is there, and says nothing', { handlers: { migrate: () => undefined as never } }],
    ['a handler is there, and says no', { handlers: { migrate: () => ({}) } }],
  ])('is refused when %s', async (_, asked) => {
    expect(await answer(asked)).toMatchObject({ acceptCode: 1, graceWindowMs: 0 });
  });
});
