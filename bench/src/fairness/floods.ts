import * as preview3 from 'nnrp-core/preview3';
import { type Content, type Fields, MESSAGE_NAMES, openPacket, packet, submitPacket } from './packets.js';
import type { Peer } from './peer.js';
import { STREAM, TIMED } from './work.js';

const AT = preview3.COMMON_HEADER_OFFSETS;
/** So many bytes are written at once; the next ones when the kernel has them. */
const BURST_BYTES = 64 * 1024;

/** One kind of packet, sent as fast as the server takes it. */
export interface FloodKind {
  readonly name: string;
  readonly title: string;
  readonly attack: (peer: Peer) => Promise<void>;
}

/** The packets of one step of a flood; frame ids of `numbered` packets go up from burst to burst. */
type Step = (sessionId: number) => readonly Buffer[];

/**
 * Sends a step again and again. What ends the connection is begun anew with another: a server has to bear that as well.
 * Answers are read and dropped.
 */
function flooding(step: Step, numbered = false): (peer: Peer) => Promise<void> {
  return async (peer) => {
    const [sessionId = 0] = await peer.openSessions(1);
    const once = step(sessionId);
    const bytes = once.reduce((sum, one) => sum + one.length, 0);
    const times = Math.max(1, Math.floor(BURST_BYTES / bytes));
    const burst = Buffer.concat(Array.from({ length: times }, () => once).flat());
    const starts = startsOf(burst);
    peer.socket.removeAllListeners('data');
    peer.socket.on('data', () => {});
    for (let frameId = 1; !peer.isOver; ) {
      // The kernel has the last burst: its bytes may be changed.
      if (numbered) frameId = renumber(burst, starts, frameId, once.length);
      await peer.flushed(burst, starts.length);
    }
  };
}

function startsOf(burst: Buffer): number[] {
  const starts: number[] = [];
  for (let at = 0; at < burst.length; ) {
    starts.push(at);
    at += preview3.COMMON_HEADER_BYTES + burst.readUInt32LE(at + AT.metaLen) + burst.readUInt32LE(at + AT.bodyLen);
  }
  return starts;
}

/** All packets of one step get the same frame id. */
function renumber(burst: Buffer, starts: readonly number[], first: number, perStep: number): number {
  for (let index = 0; index < starts.length; index++) {
    burst.writeUInt32LE(first + Math.floor(index / perStep), (starts[index] as number) + AT.frameId);
  }
  return first + starts.length / perStep;
}

const TOKEN = { payloadKindBitmap: preview3.PayloadKindFlags.TokenChunk, payloadFrameCount: 1 };
const HELLO: Fields = {
  minVersionMajor: 1,
  maxVersionMajor: 1,
  supportedWireFormatBitmap: 1,
  supportedProfileBitmap: 3,
  supportedPayloadKindBitmap: preview3.PAYLOAD_KIND_FLAGS_MASK,
};
const FLOW: Fields = { scopeKind: preview3.ScopeKind.Session, updateReason: preview3.UpdateReason.Resume };

/** What a packet of each message says; a message without a row is blank. */
const CONTENTS: Readonly<Record<string, Content>> = {
  CLIENT_HELLO: { fields: HELLO },
  SERVER_HELLO_ACK: { fields: { selectedVersionMajor: 1, acceptedProfileBitmap: 2, acceptedPayloadKindBitmap: 2 } },
  SESSION_PATCH: { fields: { patchMask: preview3.PatchFlags.QualityTier, qualityTier: 1 } },
  FRAME_CANCEL: { frameId: 0x7fffffff },
  RESULT_PUSH: { frameId: 1, fields: TOKEN },
  RESULT_DROP: { frameId: 1 },
  CACHE_PUT: { fields: { objectKind: 1, ttlMs: 1000, objectBytes: 16 }, body: new Uint8Array(16) },
  CACHE_INVALIDATE: { fields: { invalidateScope: preview3.CacheInvalidateScope.WholeSession } },
  FLOW_UPDATE: { fields: FLOW },
  TRANSPORT_PROBE: { fields: { probeId: 1 } },
  SESSION_MIGRATE: {
    fields: { oldTransportId: preview3.TransportId.Tcp, newTransportId: preview3.TransportId.Quic },
  },
};

const TIMED_BODY = new Uint8Array(16).fill(TIMED);
const STREAM_BODY = new Uint8Array(16).fill(STREAM);
/** Ids that no other part of this bench asks for. */
const CHURNED_ID = 0x7000_0000;

function plain(name: string): FloodKind {
  if (name === 'FRAME_SUBMIT') {
    const step: Step = (sessionId) => [submitPacket(sessionId, 1, TIMED_BODY)];
    return { name, title: 'FRAME_SUBMIT, far more than may be in flight', attack: flooding(step, true) };
  }
  if (name === 'SESSION_OPEN') {
    return { name, title: 'SESSION_OPEN, far more than may be open', attack: flooding(() => [openPacket()]) };
  }
  const content = CONTENTS[name] ?? {};
  return { name, title: name, attack: flooding((sessionId) => [packet(name, { ...content, sessionId })]) };
}

/** What two packets do together, or one that is not for anything that there is. */
const COMBINED: readonly FloodKind[] = [
  {
    name: 'cancelled',
    title: 'FRAME_SUBMIT of a stream and its FRAME_CANCEL',
    attack: flooding(
      (sessionId) => [submitPacket(sessionId, 1, STREAM_BODY), packet('FRAME_CANCEL', { sessionId, frameId: 1 })],
      true,
    ),
  },
  {
    name: 'opened-closed',
    title: 'SESSION_OPEN and its SESSION_CLOSE',
    attack: flooding(() => [
      openPacket({ requestedSessionId: CHURNED_ID }),
      packet('SESSION_CLOSE', { sessionId: CHURNED_ID }),
    ]),
  },
  {
    name: 'paused-resumed',
    title: 'FLOW_UPDATE of the connection, pause and resume',
    attack: flooding(() =>
      [preview3.UpdateReason.Pause, preview3.UpdateReason.Resume].map((updateReason) =>
        packet('FLOW_UPDATE', { fields: { scopeKind: preview3.ScopeKind.Connection, updateReason } }),
      ),
    ),
  },
  {
    name: 'put-invalidated',
    title: 'CACHE_PUT of 1 KiB and CACHE_INVALIDATE of the session',
    attack: flooding((sessionId) => [
      packet('CACHE_PUT', {
        sessionId,
        fields: { objectKind: 2, ttlMs: 1000, objectBytes: 1024 },
        body: new Uint8Array(1024),
      }),
      packet('CACHE_INVALIDATE', { sessionId }),
    ]),
  },
  {
    name: 'unknown-session',
    title: 'FRAME_SUBMIT for a session that there is not',
    attack: flooding(() => [submitPacket(0x6fff_ffff, 1, TIMED_BODY)], true),
  },
];

/** All 25 messages, and five kinds that are made of them. */
export const flood: readonly FloodKind[] = [...MESSAGE_NAMES.map(plain), ...COMBINED];
