import type { IncomingMessage } from 'node:http';
import { checking, type NnrpError, shownValue, UsageError } from 'nnrp-core';
import {
  ApplicationContext,
  applicationCallback,
  foreignNameHint,
  readOptions,
  type StrangerLimits,
  type TlsCredentials,
  tlsCredentials,
  transportLimits,
} from 'nnrp-runtime/transport';
import { callback, flag, integer } from '../option-checks.js';
import type { WebSocketServerOptions, WebSocketTlsOptions, WebSocketTransportOptions } from '../websocket-options.js';
import { type OriginCheck, originCheck } from './origins.js';

/** Options of a server, checked. */
export interface ServerSettings {
  /** Certificate and key, in readable form. */
  readonly tls: TlsCredentials | undefined;
  readonly mayConnect: OriginCheck;
  /** Runs the application's function; undefined where there is none. */
  readonly identify: ((request: IncomingMessage) => unknown) | undefined;
  readonly requireSubprotocol: boolean;
  readonly handshakeTimeoutMs: number;
  readonly limits: StrangerLimits;
  readonly handshakeFailed: (error: NnrpError) => void;
  readonly transport: WebSocketTransportOptions;
}

const KNOWN: ReadonlySet<string> = new Set<keyof WebSocketServerOptions>([
  'tls',
  'origins',
  'identify',
  'requireSubprotocol',
  'handshakeTimeoutMs',
  'maxHandshakes',
  'maxHandshakesPerAddress',
  'onHandshakeFailure',
  'maxPacketBytes',
  'revision',
  'highWaterBytes',
  'stallTimeoutMs',
  'closeTimeoutMs',
]);

const TLS_KNOWN: ReadonlySet<string> = new Set<keyof WebSocketTlsOptions>([
  'certificateChain',
  'privateKey',
  'passphrase',
]);

/**
 * @param defaults - for what is left out
 * @throws UsageError that names the option, what it takes and what it got; unknown options are refused too
 */
export function serverSettings(given: WebSocketServerOptions, defaults: WebSocketTransportOptions): ServerSettings {
  return checking(given, () => readSettings(given, defaults));
}

function readSettings(given: WebSocketServerOptions, defaults: WebSocketTransportOptions): ServerSettings {
  const options = readOptions('WebSocket options', given, KNOWN);
  const { tls, origins, identify, requireSubprotocol, onHandshakeFailure = () => {} } = options;
  const { handshakeTimeoutMs = 10_000, maxHandshakes = 1024 } = options;
  const { maxHandshakesPerAddress = Math.ceil(maxHandshakes / 4) } = options;
  const check = originCheck(origins);
  const context = new ApplicationContext();
  callback('identify', identify);
  callback('onHandshakeFailure', onHandshakeFailure);
  return {
    tls: tls === undefined ? undefined : webSocketCredentials(tls),
    mayConnect: typeof origins === 'function' ? (origin, request) => context.run(() => check(origin, request)) : check,
    identify: identify && ((request) => context.run(() => identify(request))),
    requireSubprotocol: flag('requireSubprotocol', requireSubprotocol),
    handshakeTimeoutMs: integer('handshakeTimeoutMs', handshakeTimeoutMs, 1),
    limits: {
      inAll: integer('maxHandshakes', maxHandshakes, 0),
      perAddress: integer('maxHandshakesPerAddress', maxHandshakesPerAddress, 0),
    },
    handshakeFailed: applicationCallback('onHandshakeFailure', onHandshakeFailure),
    transport: { ...transportLimits(defaults), ...transportLimits(options) },
  };
}

/** @throws UsageError that names the option: the pair cannot be used, or there is another option */
export function webSocketCredentials(given: WebSocketTlsOptions): TlsCredentials {
  const { certificateChain, privateKey, passphrase } = readOptions('WebSocket options: tls', given, TLS_KNOWN, (name) =>
    foreignNameHint(name, TLS_KNOWN),
  );
  if (passphrase !== undefined && typeof passphrase !== 'string') throw new UsageError('passphrase: expected a string');
  return tlsCredentials('server', certificateChain, privateKey, passphrase);
}

/** @throws UsageError unless it is a path of a URL, without query and fragment */
export function checkPath(path: unknown): string {
  if (typeof path === 'string' && /^\/[^?#\s]*$/.test(path)) return path;
  throw new UsageError(`path: expected a path that begins with /, without ? and #, got ${shownValue(path)}`);
}
