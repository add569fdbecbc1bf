import { isNnrpError } from 'nnrp-core';
import { parseAddress } from 'nnrp-runtime/transport';
import { within } from '../../../nnrp-runtime/src/testing/within.js';
import type { Issued } from '../../../nnrp-runtime/test/support/certificates.js';
import { QuicClientEndpointConfig, type QuicClientEndpointOptions } from '../../src/client-endpoint-config.js';
import type { ClientSettings, PemCredentials, QuicServerSocket, QuicStream, ServerSettings } from '../../src/engine.js';
import { quinnEngine } from '../../src/quinn/quinn-engine.js';
import { QuicServerEndpointConfig } from '../../src/server-endpoint-config.js';

const PATIENCE_MS = 15_000;

/** Both ends of a handshake. What a configuration would refuse can be set behind its back. */
export interface HandshakeWish {
  /** Where the server listens; default 127.0.0.1. */
  readonly bindAddress?: string;
  /** On top of the settings of a server with a self-signed certificate. */
  readonly server?: Partial<ServerSettings>;
  /** On top of the settings that come of `options`. */
  readonly client?: Partial<ClientSettings>;
  readonly options?: QuicClientEndpointOptions;
  /** The host that the client calls; default that of the address. */
  readonly host?: string;
}

/** What became of it: the stream of the end that is connected, or why it is not, in its words but without addresses. */
export interface Outcome {
  readonly client: QuicStream | string;
  readonly server: QuicStream | string;
}

/** A chain in PEM with the key of its first certificate, unchecked. */
export function credentialsOf(leaf: Issued, ...others: readonly Issued[]): PemCredentials {
  return { cert: [leaf, ...others].map(({ certificate }) => certificate).join('\n'), key: leaf.key };
}

/** Servers and connections of the handshakes of a test. */
export class Handshakes {
  private readonly sockets: QuicServerSocket[] = [];
  private readonly streams: QuicStream[] = [];

  /** One handshake, of one client with one server. */
  async run({ bindAddress = '127.0.0.1:0', server, client, options, host }: HandshakeWish): Promise<Outcome> {
    const { settings } = QuicServerEndpointConfig.selfSignedLocalhost(bindAddress).config;
    let told: (outcome: QuicStream | string) => void = () => {};
    const atServer = new Promise<QuicStream | string>((resolve) => {
      told = resolve;
    });
    const socket = await quinnEngine.listen(
      { ...settings, ...server },
      {
        connected: (stream) => told(this.keep(stream)),
        handshakeFailed: (error) => told(plain(error).replace(/^\S+: /, '')),
        boundHit: () => {},
        missed: () => {},
        failed: (error) => told(`the socket has failed: ${plain(error)}`),
      },
    );
    this.sockets.push(socket);
    const address = parseAddress(socket.address);
    const called = { host: host ?? address.host, port: address.port };
    const dialling = { ...new QuicClientEndpointConfig(options).settings, ...client };
    const connecting = quinnEngine.dial(called, dialling).connect();
    const atClient = connecting.then((stream) => this.keep(stream), plain);
    return {
      client: await within(atClient, PATIENCE_MS, 'the client'),
      server: await within(atServer, PATIENCE_MS, 'the server'),
    };
  }

  /** Ends what is left of them. */
  clear(): void {
    for (const stream of this.streams.splice(0)) stream.destroy();
    for (const socket of this.sockets.splice(0)) socket.close();
  }

  private keep(stream: QuicStream): QuicStream {
    this.streams.push(stream);
    // A test that wants its end asks for it.
    return stream.on('error', () => {});
  }
}

/** Why a connection has ended, or has never been; `in order` without a reason. */
export async function ending(end: QuicStream | string): Promise<string> {
  if (typeof end === 'string') return end;
  const over = new Promise<void>((resolve) => {
    if (end.closed) resolve();
    else end.once('close', resolve);
  });
  // An end is found by reading.
  end.resume();
  await within(over, PATIENCE_MS, 'the connection to end');
  return end.errored === null ? 'in order' : plain(end.errored);
}

/** What is expected of a connection that lives: one byte goes from end to end, and back. */
export async function assertAlive({ client, server }: Outcome): Promise<void> {
  if (typeof client === 'string') throw new Error(`the client is not connected: ${client}`);
  if (typeof server === 'string') throw new Error(`the server is not connected: ${server}`);
  for (const [from, to] of [
    [client, server],
    [server, client],
  ] as const) {
    const arrived = new Promise<Buffer>((resolve) => to.once('data', resolve));
    from.write(Buffer.from('!'));
    const bytes = await within(arrived, PATIENCE_MS, 'a byte');
    if (bytes.toString() !== '!') throw new Error(`got ${bytes.toString('hex')}`);
    to.removeAllListeners('data').pause();
  }
}

/** A message without what the other end has said besides the code, which depends on its library. */
export function withoutPeersWords(text: string): string {
  return text.replace(/, '.*'\)$/, ')');
}

function plain(error: unknown): string {
  return isNnrpError(error) ? error.rawMessage : String(error);
}
