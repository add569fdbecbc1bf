import { shownWord, UsageError } from 'nnrp-core';
import { NnrpServer, type NnrpServerOptions } from 'nnrp-runtime';
import {
  answering,
  type FramedListener,
  givenServerConfig,
  type HostPort,
  transportDefaults,
} from 'nnrp-runtime/transport';
import { TRANSPORT_KIND } from './stream/websocket-transport.js';
import { WebSocketListener } from './websocket-listener.js';
import type { AttachTarget, WebSocketServerOptions } from './websocket-options.js';

/**
 * A server that listens for WebSocket, by itself or at a path of an HTTP server that the application has.
 *
 * @param where - HOST:PORT, a URL such as `ws://127.0.0.1:8080/nnrp`, or `{ server, path }`; port 0 takes a free one, see
 * `localAddress`
 * @param options - origins, identities and certificates, limits of the transport
 * @param config - options of the server; `transport` is websocket, and need not be said
 * @throws UsageError on an option that cannot work; TransportError when the address cannot be bound
 */
export function bindWebSocket(
  where: string | HostPort | AttachTarget,
  options: WebSocketServerOptions = {},
  config: NnrpServerOptions = {},
): Promise<NnrpServer> {
  return answering(() => {
    if (typeof config !== 'object' || config === null) throw new UsageError('config: expected an object');
    const { transport = TRANSPORT_KIND } = config;
    if (transport !== TRANSPORT_KIND) {
      const got = shownWord(transport);
      throw new UsageError(`transport: a server of WebSocket serves websocket, but the configuration is for ${got}`);
    }
    const given = { ...givenServerConfig(config), transport };
    const defaults = transportDefaults(config);
    if (isAttachTarget(where)) return serverOf(WebSocketListener.attach(where, options, defaults), given);
    return WebSocketListener.open(where, options, defaults).then((listener) => serverOf(listener, given));
  });
}

function isAttachTarget(where: unknown): where is AttachTarget {
  return typeof where === 'object' && where !== null && 'server' in where;
}

function serverOf(listener: FramedListener, config: NnrpServerOptions): NnrpServer | Promise<never> {
  try {
    return NnrpServer.fromListener(listener, config);
  } catch (error) {
    return listener.close().then(() => {
      throw error;
    });
  }
}
