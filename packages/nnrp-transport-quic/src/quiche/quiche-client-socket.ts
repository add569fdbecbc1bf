import { randomBytes } from 'node:crypto';
import { isIP, isIPv6 } from 'node:net';
import { isNnrpError, TimeoutError, TransportError } from 'nnrp-core';
import {
  type ConnectAttempt,
  checkServerName,
  describeAttempts,
  type HostPort,
  reachableHost,
  tlsServerName,
} from 'nnrp-runtime/transport';
import { BAD_CERTIFICATE } from '../close-codes.js';
import type { ClientSettings, QuicClientSocket, QuicStream } from '../engine.js';
import { type QuicheConnection, quiche } from './binding.js';
import type { Refusal } from './connection-parts.js';
import { ID_BYTES } from './datagram.js';
import { Endpoint } from './endpoint.js';
import { firstToSucceed } from './first-to-succeed.js';
import { QuicheConfigs } from './quiche-config.js';
import { QuicheConnectionDriver } from './quiche-connection-driver.js';
import { resolveHost } from './resolve-host.js';
import { UdpSocket, withoutZone } from './udp-socket.js';

/** What a connected socket reports when the other machine has no such port open. */
const NOBODY_LISTENS = new Set(['ECONNREFUSED', 'ECONNRESET']);

/** What is kept of the settings: credentials and roots are the library's. */
type ClientRules = Omit<ClientSettings, 'credentials' | 'roots'>;

/** Connections to one server: those to the same address share a UDP socket. */
export class QuicheClientSocket implements QuicClientSocket {
  private readonly configs: QuicheConfigs;
  private readonly serverName: string;
  /** The last one that was for the right name, in DER: reading it again costs more than most of a handshake. */
  private rightCertificate: Uint8Array | undefined;
  private readonly endpoints = new Map<string, Promise<Endpoint>>();

  private readonly settings: ClientRules;

  constructor(
    private readonly server: HostPort,
    settings: ClientSettings,
  ) {
    const { credentials: _, roots: __, ...rules } = settings;
    this.settings = rules;
    this.configs = QuicheConfigs.ofClient(settings);
    this.serverName = settings.serverName ?? tlsServerName(server.host);
  }

  async connect(giveUp: AbortSignal = new AbortController().signal): Promise<QuicStream> {
    // A name may stand for all addresses of this machine, too; answers would come from another one.
    const found = await resolveHost(this.server.host);
    const addresses = [...new Set(found.map(reachableHost))];
    giveUp.throwIfAborted();
    const { bindAddress } = this.settings;
    const family = bindAddress === undefined ? 0 : isIP(withoutZone(bindAddress.host));
    const fitting = family === 0 ? addresses : addresses.filter((address) => isIP(withoutZone(address)) === family);
    if (fitting.length === 0) {
      throw new TransportError(`bindAddress: it is IPv${family}, but the server has ${addresses.join(', ')} only`);
    }
    const attempts = new Map<string, ConnectAttempt>();
    const attempt = async (address: string, signal: AbortSignal) => {
      attempts.set(address, { address });
      try {
        return await this.connectTo(address, signal);
      } catch (error) {
        // What was given up has not failed by itself.
        if (!signal.aborted) attempts.set(address, { address, error: error as Error });
        throw error;
      }
    };
    try {
      return await firstToSucceed(
        fitting.map((address) => (signal) => attempt(address, signal)),
        (stream) => stream.destroy(),
        giveUp,
      );
    } catch (error) {
      throw this.failure(error, [...attempts.values()]);
    }
  }

  /** The error with every address that was tried; as it is where the address is all that was asked for. */
  private failure(error: unknown, attempts: readonly ConnectAttempt[]): unknown {
    const { host } = this.server;
    if (isNnrpError(error, 'NNRP_ERR_USAGE') || (attempts.length === 1 && attempts[0]?.address === host)) return error;
    const what = describeAttempts(this.server, attempts);
    if (isNnrpError(error, 'NNRP_ERR_TIMEOUT')) {
      const { rawMessage, timeoutMs } = error as TimeoutError;
      // One address, and the time that it took: the attempt says so itself.
      return new TimeoutError(what.includes(rawMessage) ? what : `${rawMessage}: ${what}`, timeoutMs);
    }
    return new TransportError(what, { cause: error, isRetryable: isRetryable(error) });
  }

  private async connectTo(address: string, signal: AbortSignal): Promise<QuicStream> {
    const config = this.configs.for(withoutZone(address));
    const endpoint = await this.endpoint(address);
    const peer = { host: address, port: this.server.port };
    const remote = { host: withoutZone(address), port: peer.port };
    const local = endpoint.socket.local;
    const from = { host: withoutZone(local.host), port: local.port };
    const scid = randomBytes(ID_BYTES);
    // Addresses have no place in the handshake, only in the certificate.
    const sni = isIP(this.serverName) === 0 ? this.serverName : null;
    let connection: QuicheConnection;
    try {
      signal.throwIfAborted();
      connection = quiche().Connection.connect(sni, scid, from, remote, config);
    } catch (error) {
      endpoint.closeIfUnused();
      throw error;
    }
    return new Promise((resolve, reject) => {
      const driven = new QuicheConnectionDriver({
        endpoint,
        connection,
        scid,
        peer,
        local: from,
        isClient: true,
        settings: this.settings,
        verifyPeer: (established) => this.verifyPeer(established),
        explain: (refused, errorCode) => this.explain(refused, errorCode),
        connected: (stream) => {
          signal.removeEventListener('abort', giveUp);
          resolve(stream);
        },
        failed: (error) => {
          signal.removeEventListener('abort', giveUp);
          reject(error);
        },
      });
      const giveUp = () => driven.giveUpHandshake(signal.reason as Error);
      signal.addEventListener('abort', giveUp);
      driven.flush();
    });
  }

  /** The socket for this address; a new one when there is none, or its last connection has taken it along. */
  private async endpoint(address: string): Promise<Endpoint> {
    for (;;) {
      let endpoint = this.endpoints.get(address);
      if (endpoint === undefined) {
        endpoint = this.bind(address);
        this.endpoints.set(address, endpoint);
      }
      const usable = await endpoint.then(
        ({ isClosed }) => !isClosed,
        () => undefined,
      );
      if (usable) return endpoint;
      if (this.endpoints.get(address) === endpoint) this.endpoints.delete(address);
      // It could not be bound, and the next attempt would not do better.
      if (usable === undefined) return endpoint;
    }
  }

  private async bind(address: string): Promise<Endpoint> {
    const any = isIPv6(withoutZone(address)) ? '::' : '0.0.0.0';
    const socket = await UdpSocket.bind(this.settings.bindAddress ?? { host: any, port: 0 });
    try {
      await socket.connect({ host: address, port: this.server.port });
    } catch (error) {
      socket.close();
      throw new TransportError((error as Error).message, { cause: error });
    }
    const endpoint: Endpoint = new Endpoint(socket, {
      listens: false,
      newcomer: () => {},
      failed: (error) => {
        // Other errors concern single datagrams.
        if (error.code !== undefined && NOBODY_LISTENS.has(error.code)) endpoint.endAll(refused(error));
      },
      lost: () => {},
    });
    return endpoint;
  }

  /** The library says of a certificate for another name no more than that it is bad. */
  private explain(connection: QuicheConnection, errorCode: number): string | undefined {
    if (errorCode !== BAD_CERTIFICATE) return undefined;
    const certificate = connection.peerCertChain()?.[0];
    return certificate === undefined ? undefined : checkServerName(this.serverName, certificate)?.message;
  }

  /** The library compares DNS names only, and falls back to the common name, which is no name of a host. */
  private verifyPeer(connection: QuicheConnection): Refusal | undefined {
    if (!this.settings.verify) return undefined;
    const certificate = connection.peerCertChain()?.[0];
    if (certificate === undefined) return { why: 'the server has no certificate', alert: BAD_CERTIFICATE };
    // Everything else about it has been looked at again in this handshake.
    if (this.rightCertificate !== undefined && Buffer.compare(certificate, this.rightCertificate) === 0)
      return undefined;
    const wrong = checkServerName(this.serverName, certificate);
    if (wrong !== undefined) return { why: wrong.message, alert: BAD_CERTIFICATE };
    this.rightCertificate = certificate;
    return undefined;
  }
}

function refused(error: NodeJS.ErrnoException): TransportError {
  return new TransportError(`nobody listens there (${error.code})`, { cause: error });
}

/** What was refused will be refused again; whatever else fails may be mended. */
function isRetryable(error: unknown): boolean {
  return !isNnrpError(error) || error.isRetryable;
}
