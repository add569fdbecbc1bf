import { Buffer } from 'node:buffer';
import { once } from 'node:events';
import { setTimeout } from 'node:timers/promises';
import { connect } from 'node:tls';
import { buildPacket } from 'nnrp-core';
import * as preview3 from 'nnrp-core/preview3';
import { NnrpServer, submitMetadata } from 'nnrp-runtime';
import { QuicServerEndpointConfig } from 'nnrp-transport-quic';

/** Longer than the server waits before it looks for a client that has ended its direction. */
const WORK_MS = 1500;
const SESSION = 7;

/** A client over TLS that announces nothing and ends its direction after its submit. @returns what it gets last */
export async function main() {
  const { certificate } = QuicServerEndpointConfig.selfSignedLocalhost('127.0.0.1:0');
  const { certificateDer, privateKeyPkcs8Der } = certificate;
  const tls = { certificateChain: certificateDer, privateKey: privateKeyPkcs8Der };
  const server = await NnrpServer.listen('nnrps://127.0.0.1:0', { tls, drainTimeoutMs: 0 });
  const serving = server.serve({ submit: () => setTimeout(WORK_MS, 'late answer') });
  const port = Number(server.localAddress.split(':').at(-1));
  const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false, allowHalfOpen: true });
  const received = [];
  socket.on('data', (chunk) => received.push(chunk));
  await once(socket, 'secureConnect');
  socket.end(Buffer.concat([...open(), ...submit()]));
  await once(socket, 'end');
  socket.destroy();
  await server.close();
  await serving;
  return Buffer.concat(received).subarray(-'late answer'.length).toString();
}

function open() {
  const { buffer } = new Uint8Array(preview3.SESSION_OPEN_BYTES);
  const view = new DataView(buffer);
  preview3.encodeSessionOpen(
    {
      ...preview3.decodeSessionOpen(view),
      requestedSessionId: SESSION,
      profileId: preview3.ProfileId.Token,
      schemaId: preview3.TOKEN_DELTA_SCHEMA_ID,
      schemaVersion: preview3.TOKEN_DELTA_SCHEMA_VERSION,
      maxInFlightOperations: 1,
      leaseTtlHintMs: 30_000,
    },
    view,
  );
  return buildPacket(
    { messageType: preview3.MessageType.SessionOpen, sessionId: 0, frameId: 0 },
    new Uint8Array(buffer),
  );
}

function submit() {
  const metadata = new Uint8Array(preview3.FRAME_SUBMIT_BYTES);
  preview3.encodeFrameSubmit(submitMetadata(), new DataView(metadata.buffer));
  return buildPacket({ messageType: preview3.MessageType.FrameSubmit, sessionId: SESSION, frameId: 1 }, metadata);
}
