import { isNnrpError, shownValue, shownWord, TransportError, UsageError } from 'nnrp-core';
import { brokenBy } from '../base/application/thrown-text.js';
import { ignoreRejection } from '../base/promises/settled.js';
import type { FramedListener, TransportKind } from '../transport/contract/contract.js';
import type { ListenerOptions, ListenerSource } from './contract/endpoints.js';
import { type NnrpServerConfig, type NnrpServerOptions, serverConfig } from './contract/server-config.js';

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
  call = 'listenOn',
): Promise<[Listeners, NnrpServerConfig]> {
  if (!Array.isArray(sources) || sources.length === 0)
    throw new UsageError(`${call}: expected a list of listeners, got ${shownValue(sources)}`);
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
  call: string,
): Promise<Listeners> {
  const options = ofTransports(config);
  const opening = sources.map(async (source) => checkListener(await made(source, options), kind));
  const outcomes = await Promise.allSettled(opening);
  const listeners: FramedListener[] = [];
  let failure: Error | undefined;
  for (const [index, outcome] of outcomes.entries()) {
    if (outcome.status === 'fulfilled' && !listeners.includes(outcome.value)) {
      listeners.push(outcome.value);
      continue;
    }
    const reason: unknown =
      outcome.status === 'rejected' ? outcome.reason : new UsageError('it stands in the list twice');
    failure ??= failed(sources.length === 1 ? call : `${call}: listener ${index + 1} of ${sources.length}`, reason);
  }
  if (failure === undefined) return listeners as unknown as Listeners;
  await closeAll(listeners);
  throw failure;
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

async function closeAll(listeners: readonly FramedListener[]): Promise<void> {
  await Promise.allSettled(listeners.map(async (listener) => listener.close()));
}

function made(source: ListenerSource, options: ListenerOptions): FramedListener | PromiseLike<FramedListener> {
  return typeof source === 'function' ? source(options) : source;
}

function checkListener(given: FramedListener, kind: TransportKind | undefined): FramedListener {
  const isListener = typeof given?.accept === 'function' && typeof given.close === 'function';
  if (!isListener) throw new UsageError(`expected a FramedListener, got ${shownValue(given)}`);
  if (kind === undefined || given.kind === kind) return given;
  ignoreRejection(Promise.resolve(given.close()));
  throw new UsageError(`transport is ${shownWord(kind)}, but the listener is ${given.kind}`);
}

function failed(which: string, reason: unknown): Error {
  if (isNnrpError(reason, 'NNRP_ERR_USAGE')) return new UsageError(`${which}: ${reason.rawMessage}`, { cause: reason });
  const why = isNnrpError(reason) ? reason.rawMessage : brokenBy(reason);
  return new TransportError(`${which}: ${why}`, { cause: reason });
}
