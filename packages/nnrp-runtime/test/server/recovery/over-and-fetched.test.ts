import * as preview3 from 'nnrp-core/preview3';
import { afterEach, describe, expect, it } from 'vitest';
import { eventually } from '../../support/eventually.js';
import { ResumablePeer } from '../../support/resumable-peer.js';
import { Stage } from '../../support/stage.js';
import { packetBytes } from '../../support/wire-packets.js';

const { MessageType } = preview3;
const stage = new Stage();
afterEach(() => stage.clear());

const KIND = preview3.CacheObjectKind.PromptSegment;

function putBytes(sessionId: number, body: Uint8Array): Uint8Array {
  const put: preview3.CachePut = {
    cacheNamespace: 1,
    cacheKeyHi: 0,
    cacheKeyLo: 1,
    objectKind: KIND,
    flags: 0,
    codecBitmap: 0,
    ttlMs: 0,
    objectBytes: body.length,
  };
  const metadata = new Uint8Array(preview3.CACHE_PUT_BYTES);
  preview3.encodeCachePut(put, new DataView(metadata.buffer), 0);
  return packetBytes(MessageType.CachePut, sessionId, 0, metadata, body);
}

describe('a session that is over, whose client has come for the rest', () => {
  async function fetched() {
    const server = await stage.serve({ supportedCacheObjects: [KIND] });
    const peer = await ResumablePeer.open(stage, server);
    const session = await server.accept();
    peer.lose();
    await eventually(() => server.suspendedCount === 1, 'the client is away');
    await session.close();
    // What it sends now is read before it has confirmed the rest.
    peer.answersPings = false;
    await peer.resume();
    expect(await peer.next()).toBe('close normal');
    return { server, peer };
  }

  it('keeps nothing that is put into it', async () => {
    const { server, peer } = await fetched();
    peer.raw.send(putBytes(peer.sessionId, new Uint8Array(5000)));
    peer.submit(7);
    // A submit alone is answered, so that no client waits for it in vain.
    expect(await peer.next()).toContain('7');
    expect(server.stats().serverCacheBytes?.value).toBe(0);
  });

  it('is not closed once more for a rule that is broken in it', async () => {
    const { server, peer } = await fetched();
    const broken = packetBytes(MessageType.CachePut, peer.sessionId, 0, new Uint8Array(preview3.CACHE_PUT_BYTES));
    peer.raw.send(broken);
    peer.submit(7);
    expect(await peer.next()).toContain('7');
    expect(server.stats().serverCacheBytes?.value).toBe(0);
  });
});
