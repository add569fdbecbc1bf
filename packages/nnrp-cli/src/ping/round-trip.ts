import { buildPacket, describeFault } from 'nnrp-core';
import { MessageType } from 'nnrp-core/preview3';
import type { FramedTransport, OutboundPacket } from 'nnrp-runtime/transport';

/**
 * Sends one PING over a connection on which nothing was said before, and waits for its PONG.
 *
 * @returns milliseconds between them
 * @throws (as a rejection) an error that says why none came
 */
export function roundTrip(transport: FramedTransport, timeoutMs: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const began = performance.now();
    const timer = setTimeout(() => reject(new Error(`no PONG within ${timeoutMs} ms`)), timeoutMs);
    const fail = (error: Error) => {
      clearTimeout(timer);
      reject(error);
    };
    transport.start({
      packet({ messageType }) {
        if (messageType !== MessageType.Pong) return;
        clearTimeout(timer);
        resolve(performance.now() - began);
      },
      broken: (fault) => fail(new Error(`${describeFault(fault)}: no server of NNRP answers there`)),
      drained() {},
      closed: (error) => fail(error ?? new Error(`${transport.remoteAddress} closed the connection`)),
    });
    transport.send(PING);
  });
}

const [HEAD, BODY] = buildPacket({ messageType: MessageType.Ping });
const PING: OutboundPacket = {
  headBytes: HEAD.length,
  body: BODY,
  writeHead(view, start) {
    new Uint8Array(view.buffer, view.byteOffset, view.byteLength).set(HEAD, start);
  },
};
