import { isNnrpError, UsageError } from 'nnrp-core';
import type { FramedConnector, FramedListener } from '../contract/contract.js';
import { IpcConnector, IpcListener } from '../ipc/ipc.js';
import type { IpcServerOptions } from '../ipc/ipc-options.js';
import { TcpConnector, TcpListener } from '../tcp/tcp.js';
import type { TcpConnectOptions, TcpOptions } from '../tcp/tcp-options.js';
import { TlsConnector, TlsListener } from '../tls/tls.js';
import type { TlsClientOptions, TlsServerOptions } from '../tls/tls-options.js';
import type { RegisteredSettings } from './registry.js';
import type { TransportUrl } from './transport-url.js';
import { type OwnOptions, ownOptions } from './url-options.js';

/**
 * What connects to an address.
 *
 * @throws UsageError that names the address, on options that cannot work or mean nothing there
 */
export function connectorTo(
  address: TransportUrl,
  given: OwnOptions<TlsClientOptions | (() => TlsClientOptions)>,
  limits: TcpConnectOptions,
): FramedConnector {
  const own = ownOptions([address], given)[0];
  switch (address.sort) {
    case 'tcp':
      return new TcpConnector(address.target, limits);
    case 'tls':
      return new TlsConnector(address.target, own as TlsClientOptions | (() => TlsClientOptions) | undefined, limits);
    case 'ipc':
      return new IpcConnector(address.text, limits);
    case 'registered': {
      const { transport, url, text } = address;
      if (transport.connector === undefined) throw new UsageError(`${text}: ${transport.scheme} cannot connect here`);
      return transport.connector(url, { limits, own } as RegisteredSettings);
    }
  }
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
      // What the system says names the address; a mistake does not.
      if (!isNnrpError(error, 'NNRP_ERR_USAGE')) throw error;
      throw new UsageError(`${address.text}: ${error.rawMessage}`, { cause: error });
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
