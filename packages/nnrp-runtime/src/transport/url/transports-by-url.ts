import { UsageError } from 'nnrp-core';
import type { FramedConnector, FramedListener } from '../contract/contract.js';
import { IpcConnector, IpcListener } from '../ipc/ipc.js';
import type { IpcServerOptions } from '../ipc/ipc-options.js';
import { TcpConnector, TcpListener } from '../tcp/tcp.js';
import type { TcpConnectOptions, TcpOptions } from '../tcp/tcp-options.js';
import { TlsConnector, TlsListener } from '../tls/tls.js';
import type { TlsClientOptions, TlsServerOptions } from '../tls/tls-options.js';
import { type AddressSpace, naming } from './addresses.js';
import { registeredConnector } from './registered-url.js';
import type { RegisteredSettings } from './registry.js';
import { parseTransportUrl, type TransportUrl } from './transport-url.js';
import { type OwnOptions, ownOptions } from './url-options.js';

/** Addresses of a process that has sockets. */
export const ALL_ADDRESSES: AddressSpace<TransportUrl> = { read: parseTransportUrl, connector: connectorTo };

function connectorTo(address: TransportUrl, own: object | undefined, limits: TcpConnectOptions): FramedConnector {
  switch (address.sort) {
    case 'tcp':
      refuseOptions(own, 'nnrp');
      return new TcpConnector(address.target, limits);
    case 'tls':
      return new TlsConnector(address.target, own as TlsClientOptions | undefined, limits);
    case 'ipc':
      refuseOptions(own, 'unix');
      return new IpcConnector(address.text, limits);
    case 'registered':
      return registeredConnector(address, own, limits);
  }
}

function refuseOptions(own: object | undefined, scheme: string): void {
  if (own !== undefined) throw new UsageError(`transports: '${scheme}' has no options here`);
}

/** What makes the listener of each address. @throws UsageError on options that mean nothing for any of them */
export function listenersOn(
  addresses: readonly TransportUrl[],
  given: OwnOptions<TlsServerOptions>,
): ((limits: TcpOptions) => Promise<FramedListener>)[] {
  const own = ownOptions(addresses, given);
  return addresses.map((address, index) => async (limits) => {
    try {
      return await listenerOn(address, own[index], limits);
    } catch (error) {
      throw naming(address, error);
    }
  });
}

function listenerOn(
  address: TransportUrl,
  own: object | undefined,
  limits: TcpOptions,
): FramedListener | PromiseLike<FramedListener> {
  switch (address.sort) {
    case 'tcp':
      refuseOptions(own, 'nnrp');
      return TcpListener.bind(address.target, limits);
    case 'tls':
      if (own === undefined)
        throw new UsageError('needs a certificate and its key: { tls: { certificateChain, privateKey } }');
      return TlsListener.bind(address.target, own as TlsServerOptions, limits);
    case 'ipc':
      return IpcListener.bind(address.text, own as IpcServerOptions | undefined, limits);
    case 'registered': {
      const { transport, url } = address;
      if (transport.listener === undefined) throw new UsageError(`${transport.scheme} cannot listen here`);
      return transport.listener(url, { limits, own } as RegisteredSettings);
    }
  }
}
