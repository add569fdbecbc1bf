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
import { isEncrypted, type OwnOptions, ownOptions } from './url-options.js';

/**
 * What connects to each address.
 *
 * @throws UsageError that names the address, on options that cannot work or mean nothing there; and where some are encrypted and
 * others are not
 */
export function connectorsTo(
  addresses: readonly TransportUrl[],
  given: OwnOptions<TlsClientOptions>,
  limits: TcpConnectOptions,
): FramedConnector[] {
  refuseDowngrade(addresses);
  const own = ownOptions(addresses, given);
  return addresses.map((address, index) => {
    try {
      return connectorTo(address, own[index], limits);
    } catch (error) {
      throw naming(address, error);
    }
  });
}

/** A network that cuts what is encrypted would get everything in plain text. Sockets of the machine are no network. */
function refuseDowngrade(addresses: readonly TransportUrl[]): void {
  const sealed = addresses.find(isEncrypted);
  const plain = addresses.find((address) => address.sort !== 'ipc' && !isEncrypted(address));
  if (sealed === undefined || plain === undefined) return;
  throw new UsageError(
    `connect: ${plain.text} is not encrypted and ${sealed.text} is: whatever cuts the one would have the other used; ` +
      'expected addresses that are all encrypted, or none',
  );
}

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
    case 'registered': {
      const { transport, url } = address;
      if (transport.connector === undefined) throw new UsageError(`${transport.scheme} cannot connect here`);
      return transport.connector(url, { limits, own } as RegisteredSettings);
    }
  }
}

function refuseOptions(own: object | undefined, scheme: string): void {
  if (own !== undefined) throw new UsageError(`transports: '${scheme}' has no options here`);
}

/** What the system says names the address; a mistake does not. */
function naming(address: TransportUrl, error: unknown): unknown {
  if (!isNnrpError(error, 'NNRP_ERR_USAGE')) return error;
  return new UsageError(`${address.text}: ${error.rawMessage}`, { cause: error });
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
