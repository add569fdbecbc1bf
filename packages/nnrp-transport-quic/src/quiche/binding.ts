import { createRequire } from 'node:module';
import { TransportError } from 'nnrp-core';
import type { CloseReason } from '../close-codes.js';

/** An end of a path. The host is an IP address without a zone. */
export interface QuicheHost {
  readonly host: string;
  readonly port: number;
}

/** TLS and transport parameters; one serves any number of connections. */
export interface QuicheConfig {
  /** Whether a certificate of the peer has to be valid. At a server, a client may then do without one. */
  verifyPeer(on: boolean): void;
  setApplicationProtos(protocols: string[]): void;
  setCcAlgorithmName(name: string): void;
  enablePacing(on: boolean): void;
  setMaxIdleTimeout(ms: number): void;
  setMaxRecvUdpPayloadSize(bytes: number): void;
  setMaxSendUdpPayloadSize(bytes: number): void;
  setInitialMaxData(bytes: number): void;
  setInitialMaxStreamDataBidiLocal(bytes: number): void;
  setInitialMaxStreamDataBidiRemote(bytes: number): void;
  setInitialMaxStreamDataUni(bytes: number): void;
  setInitialMaxStreamsBidi(count: number): void;
  setInitialMaxStreamsUni(count: number): void;
  setMaxStreamWindow(bytes: number): void;
  setDisableActiveMigration(disabled: boolean): void;
  setActiveConnectionIdLimit(count: number): void;
}

/** A connection without its socket. Null stands for "nothing to do"; errors are plain, named by their message. */
export interface QuicheConnection {
  /** Takes a datagram and decrypts it in place. @throws when the connection has failed over it */
  recv(datagram: Uint8Array, path: { from: QuicheHost; to: QuicheHost }): number;
  /** Writes the next datagram. @throws when there will never be one */
  send(out: Uint8Array): [number, { to: QuicheHost }] | null;
  /** @returns bytes read and whether they were the last. @throws StreamReset(code) */
  streamRecv(stream: number, out: Uint8Array): [number, boolean] | null;
  /** @returns bytes taken. @throws StreamStopped(code) */
  streamSend(stream: number, bytes: Uint8Array, fin: boolean): number | null;
  streamReadable(stream: number): boolean;
  /** @throws when the stream is over in both directions and everything has been acknowledged */
  streamCapacity(stream: number): number;
  /** Whether any stream can be read. */
  isReadable(): boolean;
  /** Milliseconds until `onTimeout` is due. */
  timeout(): number | null;
  onTimeout(): void;
  /** What has become of the ways to the peer; has to be read, or it piles up. */
  pathEventNext(): { readonly type: string; readonly peer?: QuicheHost } | null;
  sendAckEliciting(): void;
  /** Costly; the time is in milliseconds, 0 = none. */
  stats(): { readonly peerMaxIdleTimeout: number };
  close(application: boolean, code: number, reason: Uint8Array): unknown;
  applicationProto(): Uint8Array;
  peerCertChain(): Uint8Array[] | null;
  isEstablished(): boolean;
  isDraining(): boolean;
  isClosed(): boolean;
  isTimedOut(): boolean;
  peerError(): CloseReason | null;
  localError(): CloseReason | null;
}

/** The library: what this package uses of it. */
export interface Quiche {
  readonly Config: {
    withBoringSslCtx(
      verifyPeer: boolean,
      acceptFailedVerification: boolean,
      ca: Uint8Array | null,
      keys: Uint8Array[] | null,
      chains: Uint8Array[] | null,
      signatureAlgorithms: string | null,
    ): QuicheConfig;
  };
  readonly Connection: {
    connect(
      serverName: string | null,
      scid: Uint8Array,
      local: QuicheHost,
      remote: QuicheHost,
      config: QuicheConfig,
    ): QuicheConnection;
    accept(
      scid: Uint8Array,
      originalDcid: Uint8Array | null,
      local: QuicheHost,
      remote: QuicheHost,
      config: QuicheConfig,
    ): QuicheConnection;
  };
  readonly Header: {
    /** @throws on bytes that are no header */
    fromSlice(datagram: Uint8Array, shortDcidBytes: number): { scid: Uint8Array; dcid: Uint8Array; token?: Uint8Array };
  };
  /** @returns bytes written */
  retry(
    scid: Uint8Array,
    dcid: Uint8Array,
    newScid: Uint8Array,
    token: Uint8Array,
    version: number,
    out: Uint8Array,
  ): number;
  /** @returns bytes written */
  negotiateVersion(scid: Uint8Array, dcid: Uint8Array, out: Uint8Array): number;
}

/** Platforms with a prebuilt binary, each in a package of its own that npm installs only there. */
const PLATFORMS = ['darwin-arm64', 'darwin-x64', 'linux-x64', 'win32-x64'];
const INSTEAD = 'use TLS over TCP instead: NnrpServer.bindTls and NnrpClient.connectTls of nnrp-runtime';

let loaded: Quiche | undefined;

/**
 * Loads quiche, with its binary, on first use. This file is the only one that knows where it comes from.
 *
 * @throws TransportError where there is no binary, with what can be used instead
 */
export function quiche(): Quiche {
  loaded ??= loadQuiche(`${process.platform}-${process.arch}`, createRequire(import.meta.url));
  return loaded;
}

/** @param platform - as in linux-x64 */
export function loadQuiche(platform: string, require: (name: string) => unknown): Quiche {
  if (!PLATFORMS.includes(platform)) {
    throw new TransportError(
      `QUIC: there is no prebuilt binary for ${platform}, only for ${PLATFORMS.join(', ')}; ${INSTEAD}`,
    );
  }
  const name = `@matrixai/quic-${platform}`;
  try {
    return require(name) as Quiche;
  } catch (error) {
    const why = reasonOf(name, platform, error as NodeJS.ErrnoException);
    throw new TransportError(`QUIC: ${why}; ${INSTEAD}`, { cause: error });
  }
}

function reasonOf(name: string, platform: string, { code, message }: NodeJS.ErrnoException): string {
  if (code === 'MODULE_NOT_FOUND')
    return `the package ${name} is not installed; it is an optional dependency, which npm leaves out with --omit=optional`;
  if (code === 'ERR_DLOPEN_DISABLED')
    return `this process may not load the binary of ${name}: with --permission it needs --allow-addons`;
  if (code === 'ERR_ACCESS_DENIED')
    return `this process may not read the binary of ${name}: with --permission it needs --allow-fs-read for it`;
  const hint = platform === 'linux-x64' ? ' (it needs glibc 2.34 or newer)' : '';
  return `the binary of ${name} does not load here${hint}: ${message}`;
}
