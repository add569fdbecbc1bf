import { randomBytes } from 'node:crypto';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { NnrpServer } from 'nnrp-runtime';
import { type FramedListener, IpcListener, TcpConnector, TcpListener } from 'nnrp-runtime/transport';
import { QuicFramedListener, QuicServerEndpointConfig } from 'nnrp-transport-quic';
import { WebSocketConnector, WebSocketListener } from 'nnrp-transport-websocket';
import { writeJsonFile } from '../json-file.js';
import { CountedListener } from './counted-listener.js';
import { exchangeAsClient } from './suite-client.js';
import { suiteHandlers } from './suite-handlers.js';
import { targetIdentity } from './target-identity.js';
import { type TargetPlaces, targetManifest } from './target-manifest.js';

/** How a target is to be found, and how long it waits. */
export interface TargetWish {
  /** Where its manifest is written once everything listens. */
  readonly manifest: string;
  readonly targetName: string;
  /** Whether the manifest claims the scenarios that `nnrp conformance-driver` runs, too. */
  readonly hasHostRoutes: boolean;
  /** Connections over TCP that the suite makes before it wants to listen there itself; those of openai-compatible/1 not counted. */
  readonly tcpConnections: number;
  /** Milliseconds that it goes on trying to connect to the suite. */
  readonly patienceMs: number;
  readonly signal: AbortSignal;
  /** Told of every step. */
  readonly say: (line: string) => void;
}

const FILES = { certificate: 'certs/server.der', privateKey: 'certs/server-key.der' };
const QUIC_OPTIONS = { alpn: false } as const;

/**
 * Serves one run of the suite, and connects to it where the suite is the server.
 *
 * The suite listens on the target's own TCP and WebSocket address then, so these are given up in time: TCP with the last connection that the
 * suite makes there, WebSocket with its only one, or with the last over TCP when the suite does not want it.
 *
 * @returns when the suite has been served as client, too
 * @throws (as a rejection) when something cannot listen, or an exchange with the suite fails
 */
export async function runTarget(wish: TargetWish): Promise<void> {
  const { signal, say, tcpConnections, patienceMs } = wish;
  const identity = targetIdentity();
  const quicConfig = QuicServerEndpointConfig.withCertificateChain(
    '127.0.0.1:0',
    identity.certificate,
    identity.privateKey,
    QUIC_OPTIONS,
  );
  const ipc = ipcAddress();
  const opened: FramedListener[] = [];
  const open = async (listener: Promise<FramedListener>) => {
    opened.push(await listener);
    return await listener;
  };
  try {
    const tcp = await open(TcpListener.bind('127.0.0.1:0'));
    const quic = await open(QuicFramedListener.bind(quicConfig));
    await open(IpcListener.bind(ipc));
    const websocket = await open(WebSocketListener.bind('ws://127.0.0.1:0/nnrp'));
    let isOpenAi = false;
    let giveWay = () => {};
    const isFree = new Promise<void>((resolve) => {
      giveWay = resolve;
    });
    const tcpTaken = (count: number) => {
      say(`connection ${count} over TCP`);
      if (count >= tcpConnections + (isOpenAi ? 1 : 0)) giveWay();
    };
    if (tcpConnections === 0) giveWay();
    const listeners = opened.map((listener) => {
      if (listener === tcp) return new CountedListener(tcp, tcpTaken);
      return listener === websocket ? new CountedListener(websocket, () => void websocket.close()) : listener;
    });
    const given = isFree.then(() => Promise.all([tcp.close(), websocket.close()]));
    const server = await NnrpServer.listenOn(listeners, { revision: 'preview4', deadlines: 'report' });
    const serving = server.serve(
      suiteHandlers(() => {
        isOpenAi = true;
      }),
    );
    try {
      const places = { tcp: tcp.address, quic: quic.address, ipc: ipcUrl(ipc), websocket: websocket.address };
      await writeManifest(wish, places, identity);
      say(`listening; manifest in ${wish.manifest}`);
      await aborting(given, signal);
      say('TCP and WebSocket are free for the suite');
      await exchangeAsClient(new TcpConnector(places.tcp), patienceMs, signal);
      say('served as a client over TCP');
      const overWebSocket = new WebSocketConnector(places.websocket, { offerSubprotocol: false });
      await exchangeAsClient(overWebSocket, patienceMs, signal);
      say('served as a client over WebSocket');
    } finally {
      await server.close();
      await serving;
    }
  } finally {
    await Promise.all(opened.map((listener) => listener.close()));
  }
}

async function writeManifest(
  { manifest, targetName, hasHostRoutes }: TargetWish,
  places: TargetPlaces,
  { certificate, privateKey }: { readonly certificate: Uint8Array; readonly privateKey: Uint8Array },
): Promise<void> {
  const folder = dirname(manifest);
  await mkdir(join(folder, 'certs'), { recursive: true });
  await writeFile(join(folder, FILES.certificate), certificate);
  await rm(join(folder, FILES.privateKey), { force: true });
  await writeFile(join(folder, FILES.privateKey), privateKey, { mode: 0o600 });
  await writeJsonFile(manifest, targetManifest(targetName, places, FILES, hasHostRoutes));
}

/** A short path, since names of sockets may have about 100 bytes; a pipe on Windows. */
function ipcAddress(): string {
  const name = `nnrp-suite-${randomBytes(6).toString('hex')}`;
  return process.platform === 'win32' ? `npipe://${name}` : `unix:${join(tmpdir(), `${name}.sock`)}`;
}

function ipcUrl(address: string): string {
  return address.startsWith('unix:') ? `unix://${address.slice('unix:'.length)}` : address;
}

function aborting<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const end = () => reject(signal.reason);
    if (signal.aborted) end();
    signal.addEventListener('abort', end, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', end));
  });
}
