import { isNnrpError, shownValue, shownWord, TransportError, UsageError } from 'nnrp-core';
import { brokenBy } from '../base/application/thrown-text.js';
import { NO_OWNER } from '../base/guard.js';
import { awaited, STEP_MS } from '../base/promises/awaited.js';
import { ignoreRejection } from '../base/promises/settled.js';
import type { FramedListener, TransportKind } from '../transport/contract/contract.js';
import type { ListenerOptions, ListenerSource } from './contract/endpoints.js';
import { type NnrpServerConfig, type NnrpServerOptions, serverConfig } from './contract/server-config.js';

/** What the application has called: `listen` takes addresses, `listenOn` listeners. */
type OpeningCall = 'listen' | 'listenOn';

export type Listeners = readonly [FramedListener, ...FramedListener[]];

/**
 * Opens the only listener of a server.
 *
 * @param open - with what the configuration says of transports; it throws mistakes at once
 * @throws UsageError on a configuration that cannot work, and what `open` throws
 */
export function openOne(
  kind: TransportKind,
  config: NnrpServerOptions,
  open: (options: ListenerOptions) => Promise<FramedListener>,
): Promise<[Listeners, NnrpServerConfig]> {
  const complete = serverConfig(config, kind);
  return open(ofTransports(complete)).then((listener) => [[listener], complete]);
}

/**
 * Opens all listeners of a server, or none.
 *
 * @throws UsageError on what is no list of listeners, or a configuration that cannot work; as a rejection UsageError or
 * TransportError that names the listener that has failed
 */
export function openAll(
  sources: readonly ListenerSource[],
  config: NnrpServerOptions,
  call: OpeningCall = 'listenOn',
): Promise<[Listeners, NnrpServerConfig]> {
  if (!Array.isArray(sources) || sources.length === 0)
    throw new UsageError(`${call}: expected a list of listeners, got ${shownValue(sources)}${addressHint(sources)}`);
  const given: readonly ListenerSource[] = [...sources];
  try {
    const wanted = config?.transport;
    const complete = serverConfig(config, wanted ?? 'tcp');
    return openListeners(given, wanted, complete, call).then((listeners) => {
      return [listeners, { ...complete, transport: listeners[0].kind }];
    });
  } catch (error) {
    closeGiven(given);
    throw error;
  }
}

/** Side by side: when one fails, the others are closed. @param kind - that they must have; undefined when any will do */
async function openListeners(
  sources: readonly ListenerSource[],
  kind: TransportKind | undefined,
  config: NnrpServerConfig,
  call: OpeningCall,
): Promise<Listeners> {
  const options = ofTransports(config);
  const listeners: FramedListener[] = [];
  let isOver = false;
  const opening = sources.map(async (source, index) => {
    try {
      const listener = checkListener(await made(source, options), kind);
      if (listeners.includes(listener)) throw new UsageError('it stands in the list twice');
      listeners.push(listener);
      // Another listener has failed meanwhile, so this one is not used.
      if (isOver) await closeAll([listener]);
      return listener;
    } catch (error) {
      throw failed(nameOf(index, sources.length, call), error);
    }
  });
  try {
    return (await Promise.all(opening)) as unknown as Listeners;
  } catch (error) {
    isOver = true;
    await closeAll(listeners);
    throw error;
  }
}

function addressHint(given: unknown): string {
  return typeof given === 'string' ? '; addresses are for NnrpServer.listen' : '';
}

/** The only address of a call needs no number. */
function nameOf(index: number, count: number, call: OpeningCall): string {
  return count === 1 && call === 'listen' ? call : `${call}: listener ${index + 1} of ${count}`;
}

function ofTransports({ maxPacketBytes, highWaterBytes, stallTimeoutMs }: ListenerOptions): ListenerOptions {
  return { maxPacketBytes, highWaterBytes, stallTimeoutMs };
}

/** Closes what has been given and is not taken. What makes a listener has not been called. */
function closeGiven(sources: readonly ListenerSource[]): void {
  for (const source of sources) {
    if (typeof source === 'function') continue;
    ignoreRejection(Promise.resolve(source).then((listener) => listener.close()));
  }
}

/** What fails of it, or comes to no end, is not waited for: the caller hears of what came first. */
async function closeAll(listeners: readonly FramedListener[]): Promise<void> {
  const late = () => new Error('not closed');
  await Promise.all(listeners.map((listener) => awaited(NO_OWNER, () => listener.close(), STEP_MS, late)));
}

function made(source: ListenerSource, options: ListenerOptions): FramedListener | PromiseLike<FramedListener> {
  return typeof source === 'function' ? source(options) : source;
}

/** @throws UsageError when it is none, or of another kind */
export function checkListener(given: FramedListener, kind: TransportKind | undefined): FramedListener {
  const isListener = typeof given?.accept === 'function' && typeof given.close === 'function';
  if (!isListener) {
    const isPromise = typeof (given as { then?: unknown } | undefined)?.then === 'function';
    const hint = isPromise ? ': await it' : addressHint(given);
    throw new UsageError(
      `expected a FramedListener, as TcpListener.bind(address) makes, got ${shownValue(given)}${hint}`,
    );
  }
  if (kind === undefined || given.kind === kind) return given;
  ignoreRejection(Promise.resolve(given.close()));
  throw new UsageError(`transport is ${shownWord(kind)}, but the listener is ${given.kind}`);
}

function failed(which: string, reason: unknown): Error {
  if (isNnrpError(reason, 'NNRP_ERR_USAGE')) return new UsageError(`${which}: ${reason.rawMessage}`, { cause: reason });
  const why = isNnrpError(reason) ? reason.rawMessage : brokenBy(reason);
  return new TransportError(`${which}: ${why}`, { cause: reason });
}

/** What stands where a class has the `bind` of functions. @throws UsageError always, with the call that was meant */
export function refusedBind(..._address: never[]): never {
  throw new UsageError(
    'a server listens by NnrpServer.listen(address), or bindTcp, bindTls or bindIpc; it has no bind',
  );
}
