import * as preview3 from 'nnrp-core/preview3';
import { afterEach, describe, expect, it } from 'vitest';
import { submitMetadata } from '../../../src/client/submits/submit-options.js';
import { FRAME_SUBMIT } from '../../../src/connection/sending/codecs.js';
import type { NnrpServerSession } from '../../../src/server/contract/contract.js';
import type { SessionOpenContext } from '../../../src/server/contract/policy.js';
import { described } from '../../support/described.js';
import { ANNOUNCEMENT, messageBytes, SessionPeer } from '../../support/session-peer.js';
import { Stage } from '../../support/stage.js';
import { openBytes, packetBytes } from '../../support/wire-packets.js';

const { MessageType } = preview3;
const AT = 40;

const stage = new Stage();
afterEach(() => stage.clear());

async function opened(): Promise<{ peer: SessionPeer; session: NnrpServerSession }> {
  const server = await stage.serve();
  const peer = await SessionPeer.open(stage, server);
  return { peer, session: await server.accept() };
}

describe('the lengths that SESSION_OPEN announces', () => {
  const secret = new TextEncoder().encode('secret');

  it('cut its body into token, authentication and extensions, which reach the policy', async () => {
    const seen: string[] = [];
    const validateSessionOpen = (_open: unknown, { auth }: SessionOpenContext) => {
      seen.push(new TextDecoder().decode(auth));
      return undefined;
    };
    const server = await stage.serve({ applicationPolicy: { validateSessionOpen } });
    const peer = await stage.peer(server);
    const body = new Uint8Array([...secret, ...ANNOUNCEMENT]);
    peer.send(openBytes({ authBytes: secret.length, sessionExtensionBytes: ANNOUNCEMENT.length }, body));
    expect(described(await peer.next())).toBe('opened 1');
    expect(seen).toEqual(['secret']);
    expect((await server.accept()).knowsPeerMessages).toBe(true);
  });

  it.each([
    ['less', 5],
    ['more', 7],
  ])('must be those of the body: %s costs the connection', async (_name, authBytes) => {
    const peer = await stage.peer(await stage.serve());
    peer.send(openBytes({ authBytes }, secret));
    expect(described(await peer.next())).toBe('error connection 0 malformed_body');
    await peer.closed();
  });

  it.each([
    ['is malformed', new Uint8Array([1, 0, 0, 0, 9, 0, 0, 0])],
    ['has a critical extension that nobody knows', critical(0x9000)],
  ])('may be right, and yet the block costs the connection when it %s', async (_name, block) => {
    const peer = await stage.peer(await stage.serve());
    peer.send(openBytes({ sessionExtensionBytes: block.length }, block));
    expect(described(await peer.next())).toMatch(/^error connection 0 (malformed_body|unsupported_capability)$/);
    await peer.closed();
  });
});

describe('the metadata of a submit', () => {
  it('has tile_index_bytes where nothing else is, and there it is 0 or refused', async () => {
    const { peer, session } = await opened();
    expect(() => submitBytesWith({ tileIndexBytes: 4 })).toThrow();
    const bytes = peer.submitBytes(1);
    new DataView(bytes.buffer).setUint32(AT + preview3.FRAME_SUBMIT_OFFSETS.tileIndexBytes, 4, true);
    peer.raw.send(bytes);
    expect((await peer.answers()).sort()).toEqual(['drop 1', 'error frame 1 malformed_body']);
    peer.submit(1);
    expect((await session.receiveSubmit()).metadata.tileIndexBytes).toBe(0);
  });

  it.each([-1, 1])('is as long as its structure, not %i bytes more', async (difference) => {
    const { peer, session } = await opened();
    const metadata = new Uint8Array(preview3.FRAME_SUBMIT_BYTES + difference);
    const bytes = new Uint8Array(AT + metadata.length);
    bytes.set(packetBytes(MessageType.Ping));
    const view = new DataView(bytes.buffer);
    bytes[6] = MessageType.FrameSubmit;
    view.setUint32(12, metadata.length, true);
    view.setUint32(20, peer.sessionId, true);
    view.setUint32(24, 1, true);
    peer.raw.send(bytes);
    expect((await peer.answers()).sort()).toEqual(['drop 1', 'error frame 1 malformed_body']);
    peer.submit(1);
    expect((await session.receiveSubmit()).frameId).toBe(1);
  });
});

function submitBytesWith(fields: Partial<preview3.FrameSubmit>): Uint8Array {
  return messageBytes(MessageType.FrameSubmit, FRAME_SUBMIT, { ...submitMetadata(), ...fields }, 1);
}

function critical(type: number): Uint8Array {
  return preview3.encodeControlExtensions([{ type, critical: true, payload: new Uint8Array(0) }]);
}
