import type { Socket } from 'node:net';
import { within } from '../../nnrp-runtime/src/testing/within.js';
import { FrameReader } from '../src/frames/frame-reader.js';
import { dialUpgraded } from './upgrading.js';

const PATIENCE_MS = 10_000;

/** A client that sends frames by hand, and keeps what the server says. */
export class RawClient {
  readonly packets: Buffer[] = [];
  private readonly whenClosed: Promise<string>;

  private constructor(readonly socket: Socket) {
    let closing = 'no close frame';
    const reader = new FrameReader(false, {
      packets: (bytes) => this.packets.push(Buffer.from(bytes)),
      ping: () => {},
      peerCloses: (code, reason) => {
        closing = `${code} ${reason}`.trim();
      },
      refused: ({ text }) => {
        closing = `the server's frames are wrong: ${text}`;
      },
    });
    socket.on('data', (chunk: Buffer) => reader.push(chunk));
    socket.on('error', () => {});
    this.whenClosed = new Promise((resolve) => socket.on('close', () => resolve(closing)));
  }

  static async connect(url: string, headers: Readonly<Record<string, string>> = {}): Promise<RawClient> {
    return new RawClient(await dialUpgraded(url, headers));
  }

  /** How the server has ended the connection: the code and the reason of its close frame. */
  closed(): Promise<string> {
    return within(this.whenClosed, PATIENCE_MS, 'the server to close the connection');
  }
}
