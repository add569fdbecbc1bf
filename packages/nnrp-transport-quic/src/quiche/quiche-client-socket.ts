import { randomBytes } from 'node:crypto';
import { isIP, isIPv6 } from 'node:net';
import { TransportError } from 'nnrp-core';
import { checkServerName, type HostPort, tlsServerName } from 'nnrp-runtime/transport';
import type { ClientSettings, QuicClientSocket, QuicStream } from '../engine.js';
import { type QuicheConnection, quiche } from './binding.js';
import type { Refusal } from './connection-parts.js';
import { ID_BYTES } from './datagram.js';
import { DrivenConnection } from './driven-connection.js';
import { Endpoint } from './endpoint.js';
import { firstToSucceed } from './first-to-succeed.js';
import { QuicheConfigs } from './quiche-config.js';
import { resolveHost } from './resolve-host.js';
import { UdpSocket, withoutZone } from './udp-socket.js';

/** TLS alert bad_certificate as QUIC sends it. */
const BAD_CERTIFICATE = 0x12a;
/** What a connected socket reports when the other machine has no such port open. */
const NOBODY_LISTENS = new Set(['ECONNREFUSED', 'ECONNRESET']);

/** Connections to one server: those to the same address share a UDP socket. */
export class QuicheClientSocket implements QuicClientSocket {
  private readonly configs: QuicheConfigs;
  private readonly serverName: string;
  /** The last one that was for the right name, in DER: reading it again costs more than most of a handshake. */
  private rightCertificate: Uint8Array | undefined;
  private readonly endpoints = new Map<string, Promise<Endpoint>>();

  constructor(
    private readonly server: HostPort,
    private readonly settings: ClientSettings,
  ) {
    this.configs = QuicheConfigs.ofClient(settings);
    this.serverName = settings.serverName ?? tlsServerName(server.host);
  }

  async connect(giveUp: AbortSignal = new AbortController().signal): Promise<QuicStream> {
    const addresses = await resolveHost(this.server.host);
    giveUp.throwIfAborted();
    const { bindAddress } = this.settings;
    const family = bindAddress === undefined ? 0 : isIP(withoutZone(bindAddress.host));
    const fitting = family === 0 ? addresses : addresses.filter((address) => isIP(withoutZone(address)) === family);
    if (fitting.length === 0) {
      throw new TransportError(`bindAddress: it is IPv${family}, but the server has ${addresses.join(', ')} only`);
    }
    return firstToSucceed(
      fitting.map((address) => (signal) => this.connectTo(address, signal)),
      (stream) => stream.destroy(),
      giveUp,
    );
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
      const driven = new DrivenConnection({
        endpoint,
        connection,
        scid,
        peer,
        local: from,
        isClient: true,
        settings: this.settings,
        judge: (established) => this.judge(established),
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
    });
    return endpoint;
  }

  /** The library compares DNS names only, and falls back to the common name, which is no name of a host. */
  private judge(connection: QuicheConnection): Refusal | undefined {
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
