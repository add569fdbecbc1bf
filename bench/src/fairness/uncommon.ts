import type { Packet } from 'nnrp-core';
import * as preview3 from 'nnrp-core/preview3';
import * as preview4 from 'nnrp-core/preview4';
import { type Fields, openPacket, packet, packet4, submitPacket } from './packets.js';
import type { Peer } from './peer.js';
import { STREAM, TIMED } from './work.js';

const { MessageType, ScopeKind, UpdateReason, BackpressureLevel, SessionFlags } = preview3;

/** What is neither many requests nor a flood of one message: comings and goings, and what a client may change of its work. */
export interface UncommonAttack {
  readonly name: string;
  readonly title: string;
  readonly connections: number;
  readonly attack: (peer: Peer) => Promise<void>;
}

const IN_FLIGHT = 4;
const SESSIONS = 64;
const BURST = 500;
const TIMED_BODY = new Uint8Array(64).fill(TIMED);
const STREAM_BODY = new Uint8Array(64).fill(STREAM);
const FAR_UNIX_MS = 4_000_000_000_000n;

function submits(ids: readonly number[], body: Uint8Array): Buffer {
  const frames = Array.from({ length: IN_FLIGHT }, (_, index) => index + 1);
  return Buffer.concat(ids.flatMap((id) => frames.map((frameId) => submitPacket(id, frameId, body))));
}

/** Sessions that can be resumed are filled with work and left behind, again and again. */
function leaving(body: Uint8Array): UncommonAttack['attack'] {
  return async (peer) => {
    const ids = await peer.openSessions(SESSIONS, { sessionFlags: SessionFlags.AllowResume });
    await peer.flushed(submits(ids, body), ids.length * IN_FLIGHT);
    await peer.rest(20);
    peer.destroy();
  };
}

/** A session that is there, by the token of its last acknowledgement; of all attacking connections. */
const own: { id: number; token: Uint8Array } = { id: 0, token: new Uint8Array(0) };

/** One session with streams that is taken over by a new connection, again and again. */
const takingOver: UncommonAttack['attack'] = async (peer) => {
  const isNew = own.token.length === 0;
  peer.onPacket = (came: Packet) => {
    if (came.messageType !== MessageType.SessionOpenAck) return;
    const ack = preview3.decodeSessionOpenAck(came.view, came.metadataStart);
    own.id = ack.sessionId;
    own.token = new Uint8Array(came.body.subarray(0, ack.resumeTokenBytes));
    if (isNew) peer.send(submits([own.id], STREAM_BODY), IN_FLIGHT);
    peer.destroy();
  };
  peer.send(resuming(own.id, own.token));
  await peer.ended();
};

function resuming(requestedSessionId: number, token: Uint8Array): Buffer {
  const fields = { sessionFlags: SessionFlags.AllowResume, requestedSessionId, resumeTokenBytes: token.length };
  return openPacket(fields, token);
}

/** Tokens that are wrong, beside a session that is right. */
const guessing: UncommonAttack['attack'] = async (peer) => {
  await peer.openSessions(1);
  for (let id = 1; !peer.isOver; id += BURST) {
    const guesses = Array.from({ length: BURST }, (_, index) => resuming(id + index, new Uint8Array(24).fill(1)));
    await peer.flushed(Buffer.concat(guesses), BURST);
    await peer.rest(1);
  }
};

/** Work, and the end of this direction behind it. */
const halfClosing: UncommonAttack['attack'] = async (peer) => {
  const ids = await peer.openSessions(8);
  peer.send(submits(ids, TIMED_BODY), ids.length * IN_FLIGHT);
  peer.socket.end();
  await peer.ended();
};

/** Each answer, the first of a stream as well, cancels its frame and asks for another. */
function again(body: Uint8Array, fields: Fields = {}): UncommonAttack['attack'] {
  return async (peer) => {
    const ids = await peer.openSessions(SESSIONS, fields);
    const next = new Map(ids.map((id) => [id, IN_FLIGHT]));
    peer.onPacket = ({ messageType, sessionId, frameId }) => {
      if (messageType === MessageType.ResultPush) peer.send(packet('FRAME_CANCEL', { sessionId, frameId }));
      else if (messageType !== MessageType.ResultDrop) return;
      if (messageType === MessageType.ResultPush && body === TIMED_BODY) return;
      const frame = (next.get(sessionId) ?? 0) + 1;
      next.set(sessionId, frame);
      peer.send(submitPacket(sessionId, frame, body));
    };
    peer.send(submits(ids, body), ids.length * IN_FLIGHT);
    await peer.ended();
  };
}

/** Streams of which as much is read at once as fits into a window, and then nothing for a second. */
const byWindows: UncommonAttack['attack'] = async (peer) => {
  const ids = await peer.openSessions(SESSIONS);
  peer.socket.removeAllListeners('data');
  peer.socket.on('readable', () => {});
  peer.send(submits(ids, STREAM_BODY), ids.length * IN_FLIGHT);
  while (!peer.isOver) {
    await peer.rest(1000);
    peer.socket.read(64 * 1024);
  }
};

/** Streams that are read as fast as they come, begun anew when they are over. */
const reading: UncommonAttack['attack'] = async (peer) => {
  const ids = await peer.openSessions(SESSIONS);
  peer.socket.removeAllListeners('data');
  peer.socket.on('data', () => {});
  peer.send(submits(ids, STREAM_BODY), ids.length * IN_FLIGHT);
  await peer.ended();
};

/** Each of many streams is paused and let go by itself. */
const pausingEach: UncommonAttack['attack'] = async (peer) => {
  const ids = await peer.openSessions(SESSIONS);
  peer.socket.removeAllListeners('data');
  peer.socket.on('data', () => {});
  peer.send(submits(ids, STREAM_BODY), ids.length * IN_FLIGHT);
  for (let creditEpoch = 1; !peer.isOver; creditEpoch++) {
    const updates = ids.flatMap((sessionId) =>
      Array.from({ length: IN_FLIGHT }, (_, index) => {
        const pauses = creditEpoch % 2 === 1;
        const fields = {
          scopeKind: ScopeKind.Operation,
          operationId: BigInt(index + 1),
          updateReason: pauses ? UpdateReason.Pause : UpdateReason.Resume,
          backpressureLevel: pauses ? BackpressureLevel.Hard : BackpressureLevel.None,
          creditEpoch,
        };
        return packet('FLOW_UPDATE', { sessionId, fields });
      }),
    );
    await peer.flushed(Buffer.concat(updates), updates.length);
    await peer.rest(1);
  }
};

/** A session of preview4 with work in it, and then the same messages again and again. */
function changing(make: (sessionId: number, round: number) => readonly Buffer[]): UncommonAttack['attack'] {
  return async (peer) => {
    const hello = {
      minVersionMajor: 1,
      maxVersionMajor: 1,
      supportedWireFormatBitmap: 1,
      supportedProfileBitmap: 3,
      supportedPayloadKindBitmap: 0x73,
      maxLaneCount: 1,
    };
    const open = {
      profileId: 2,
      priorityClass: 1,
      schemaId: 0x1001,
      schemaVersion: 3,
      maxInFlightOperations: IN_FLIGHT,
      leaseTtlHintMs: 30_000,
    };
    peer.send(packet4('CLIENT_HELLO', { fields: hello }));
    const sessionId = await new Promise<number>((resolve) => {
      peer.onPacket = (came) => {
        if (came.messageType === MessageType.SessionOpenAck) resolve(came.sessionId);
      };
      peer.send(packet4('SESSION_OPEN', { fields: open }));
      void peer.ended().then(() => resolve(0));
    });
    for (let frameId = 1; frameId <= IN_FLIGHT; frameId++) peer.send(submit4(sessionId, frameId, STREAM_BODY));
    peer.socket.removeAllListeners('data');
    peer.socket.on('data', () => {});
    for (let round = 1; !peer.isOver; round++) {
      const burst = make(sessionId, round);
      await peer.flushed(Buffer.concat(burst), burst.length);
      // Where the server takes it at once, nothing else would have a turn here.
      await peer.rest(1);
    }
  };
}

function submit4(sessionId: number, frameId: number, body: Uint8Array): Buffer {
  const fields = {
    frameClass: 1,
    operationId: BigInt(frameId),
    lossTolerancePolicy: 255,
    payloadKindBitmap: 2,
  };
  return packet4('FRAME_SUBMIT', { sessionId, frameId, fields, body });
}

const each = (make: (index: number) => Buffer) => Array.from({ length: BURST }, (_, index) => make(index));

const objects = changing((sessionId, round) =>
  each((index) => {
    const fields = {
      objectId: BigInt(round * BURST + index),
      objectKind: 7,
      producerRole: preview4.RuntimeRole.Client,
      consumerRole: preview4.RuntimeRole.Server,
      sessionId,
      lifetimeHintMs: 1 + (index % 50),
    };
    return packet4('OBJECT_DECLARE', { sessionId, fields });
  }),
);

const schedules = changing((sessionId, round) =>
  each((index) => {
    const frameId = 1 + (index % IN_FLIGHT);
    const fields = {
      operationId: BigInt(frameId),
      controlSequence: BigInt(round * BURST + index),
      priorityClass: index % 3,
      deadlineUnixMs: BigInt(Date.now() + 60_000 + index),
    };
    return packet4(index % 2 === 0 ? 'PRIORITY_UPDATE' : 'DEADLINE', { sessionId, frameId, fields });
  }),
);

const early = changing((sessionId, round) =>
  each((index) => {
    const frameId = 1_000_000 + round * BURST + index;
    const fields = { operationId: BigInt(frameId), controlSequence: 1n, deadlineUnixMs: FAR_UNIX_MS };
    if (index % 2 === 0) return packet4('DEADLINE', { sessionId, frameId, fields });
    return submit4(sessionId, round * BURST + index, TIMED_BODY);
  }),
);

export const uncommon: readonly UncommonAttack[] = [
  {
    name: 'leaving',
    title: '64 sessions of 4 submits that are lost with their connection',
    connections: 1,
    attack: leaving(TIMED_BODY),
  },
  { name: 'leaving-streams', title: 'the same with streams', connections: 1, attack: leaving(STREAM_BODY) },
  {
    name: 'taking-over',
    title: 'a session of streams that is resumed again and again',
    connections: 1,
    attack: takingOver,
  },
  { name: 'guessing', title: 'wrong tokens, as fast as they are taken', connections: 1, attack: guessing },
  { name: 'half-closing', title: '32 submits and the end of the direction', connections: 1, attack: halfClosing },
  {
    name: 'first-byte',
    title: '256 streams that are cancelled at their first byte',
    connections: 1,
    attack: again(STREAM_BODY),
  },
  {
    name: 'short-deadlines',
    title: '256 submits with a millisecond each',
    connections: 1,
    attack: again(TIMED_BODY, { defaultDeadlineMs: 1 }),
  },
  { name: 'windows', title: '256 streams, 64 KiB are read each second', connections: 1, attack: byWindows },
  { name: 'reading', title: '256 streams, read as fast as they come', connections: 1, attack: reading },
  { name: 'pausing-each', title: '256 streams, each paused and let go by itself', connections: 1, attack: pausingEach },
  {
    name: 'preview4-objects',
    title: 'objects that are declared, each for some milliseconds',
    connections: 1,
    attack: objects,
  },
  {
    name: 'preview4-schedules',
    title: 'priorities and deadlines of running streams',
    connections: 1,
    attack: schedules,
  },
  { name: 'preview4-early', title: 'deadlines of later submits, and submits', connections: 1, attack: early },
];
