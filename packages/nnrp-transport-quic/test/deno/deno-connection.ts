import { type Packet, PacketSplitter } from 'nnrp-core';
import { within } from '../../../nnrp-runtime/src/testing/within.js';
import type { DenoPeer } from './deno-peer.js';

/** Milliseconds that any single wait of a test may take. */
export const PATIENCE_MS = 10_000;

/** What Deno tells of a connection whose handshake is complete. */
export interface DenoFacts {
  readonly connection: number;
  readonly protocol: string;
  readonly serverName: string | null;
  readonly remote: string;
}

/** Where and as whom Deno connects or listens; the rest are options of its `connectQuic` and `listen`. */
export interface DenoOptions {
  readonly hostname: string;
  readonly alpnProtocols?: readonly string[];
  readonly [option: string]: unknown;
}

/** How a connection has ended, as Deno tells it. */
export interface DenoEnd {
  readonly closeCode: number;
  readonly reason: string;
}

/** A server of Deno. */
export interface DenoListener {
  readonly listener: number;
  readonly endpoint: number;
  readonly port: number;
}

/** A QUIC connection of Deno with one stream of packets; only the bytes pass through Deno. */
export class DenoConnection {
  private stream = 0;
  private readonly splitter = new PacketSplitter();

  private constructor(
    private readonly deno: DenoPeer,
    readonly facts: DenoFacts,
  ) {}

  /** Connects to a server of ours; there is no stream yet. @throws Error (as a rejection) with what Deno says */
  static async connect(deno: DenoPeer, address: string, options: DenoOptions): Promise<DenoConnection> {
    const port = Number(address.slice(address.lastIndexOf(':') + 1));
    const from = options.hostname.includes(':') ? '::1' : '127.0.0.1';
    const details = { alpnProtocols: ['nnrp/1'], ...options, port, from };
    return new DenoConnection(deno, await soon(deno.ask<DenoFacts>('connect', details), 'Deno to connect'));
  }

  static listen(deno: DenoPeer, options: DenoOptions): Promise<DenoListener> {
    return deno.ask('listen', { alpnProtocols: ['nnrp/1'], ...options });
  }

  /** The next connection of a client of ours; there is no stream yet. */
  static async accept(deno: DenoPeer, { listener }: DenoListener): Promise<DenoConnection> {
    return new DenoConnection(deno, await soon(deno.ask<DenoFacts>('accept', { listener }), 'a client of Deno'));
  }

  /** Opens the stream. */
  async open(): Promise<this> {
    this.stream = await this.ask<number>('open');
    return this;
  }

  /** Waits for the stream that the client opens. */
  async acceptStream(): Promise<this> {
    this.stream = await soon(this.ask<number>('acceptStream'), 'a stream from the client');
    return this;
  }

  send(...parts: readonly Uint8Array[]): Promise<void> {
    return soon(this.onStream('write', { bytes: Buffer.concat(parts).toString('base64') }), 'Deno to write');
  }

  /** Ends this direction of the stream. */
  finish(): Promise<void> {
    return soon(this.onStream('finish'), 'Deno to end its direction');
  }

  /** What comes next, however much it is; undefined at the end. */
  async read(): Promise<Buffer | undefined> {
    const bytes = await soon(this.onStream<string | null>('read'), 'bytes for Deno');
    return bytes === null ? undefined : Buffer.from(bytes, 'base64');
  }

  /** The next packet. @throws Error (as a rejection) when the stream ends before */
  async next(): Promise<Packet> {
    for (;;) {
      const packet = this.splitter.next();
      if (packet !== undefined) return packet;
      const bytes = await this.read();
      if (bytes === undefined) throw new Error('the stream has ended');
      this.splitter.push(bytes);
    }
  }

  /** An operation on the connection. */
  ask<T>(operation: string, details: object = {}): Promise<T> {
    return this.deno.ask(operation, { ...details, connection: this.facts.connection });
  }

  /** An operation on the stream. */
  onStream<T>(operation: string, details: object = {}): Promise<T> {
    return this.deno.ask(operation, { ...details, stream: this.stream });
  }

  close(closeCode = 0, reason = ''): Promise<void> {
    return this.ask('close', { closeCode, reason });
  }

  closed(): Promise<DenoEnd> {
    return soon(this.ask('closed'), 'Deno to see the end of the connection');
  }
}

/** Waits for something that must happen soon. @param what - ends the sentence "timed out waiting for" */
export function soon<T>(promise: Promise<T>, what: string): Promise<T> {
  return within(promise, PATIENCE_MS, what);
}
