import {
  INSPECT,
  type Inspect,
  ignoreRejectionsWithin,
  inspected,
  isNnrpError,
  type NnrpError,
  shownValue,
  TimeoutError,
  UsageError,
} from 'nnrp-core';
import { background, type Guarded, guard } from '../base/guard.js';
import { awaited, STEP_MS } from '../base/promises/awaited.js';
import type {
  AcceptFailure,
  FramedListener,
  ListenerBound,
  ListenerBoundName,
  TransportKind,
} from '../transport/contract/contract.js';
import { type Acceptor, acceptAll } from './accepting.js';
import type { NnrpServerEndpoint } from './contract/endpoints.js';
import type { ServerBounds } from './contract/server-bounds.js';

/** What the listeners of a server need of it. */
export interface ListenersOwner extends Guarded {
  isDraining(): boolean;
  acceptFailed(failure: AcceptFailure): void;
  /** One of them has failed; the others go on. */
  listenerFailed(error: NnrpError): void;
}

/** All that a server listens on. What ends one of them costs the others nothing. */
export class ServerListeners {
  readonly list: readonly NnrpServerEndpoint[];
  private readonly ended = new Set<FramedListener>();

  /**
   * @param listeners - one at least
   * @param standTogether - whether one that fails ends the others
   */
  constructor(
    private readonly listeners: readonly [FramedListener, ...FramedListener[]],
    private readonly standTogether: boolean,
    counted: Pick<ServerBounds, 'addAll' | 'hit'>,
    private readonly owner: ListenersOwner,
  ) {
    this.list = Object.freeze(
      listeners.map((listener) => new ServerEndpoint(listener, () => !this.ended.has(listener))),
    );
    // A listener of the application's own may not take it, and then has nothing to tell.
    const onAcceptFailed = (failure: AcceptFailure) => owner.acceptFailed(failure);
    const onBoundHit = (name: ListenerBoundName) => counted.hit(name);
    const bounds: ListenerBound[] = [];
    for (const listener of listeners) {
      guard(owner, () => Reflect.set(listener, 'onAcceptFailed', onAcceptFailed));
      guard(owner, () => {
        bounds.push(...(listener.bounds ?? []));
        Reflect.set(listener, 'onBoundHit', onBoundHit);
      });
    }
    counted.addAll(ofFullest(bounds));
  }

  /** The first one. */
  get address(): string {
    return this.listeners[0].address;
  }

  /** Of the first one. */
  get kind(): TransportKind {
    return this.listeners[0].kind;
  }

  /** Takes connections from all of them. @returns why the last one gives nothing more, or the first where they stand together */
  async acceptAll(acceptor: Acceptor): Promise<NnrpError> {
    const { owner, listeners, ended, standTogether } = this;
    let first: NnrpError | undefined;
    const reasons = listeners.map(async (listener) => {
      const reason = await acceptAll(listener, acceptor);
      ended.add(listener);
      const isLast = ended.size === listeners.length;
      const isFailure = !isNnrpError(reason, 'NNRP_ERR_CLOSED');
      if (!isLast && isFailure && !owner.isDraining()) {
        if (!standTogether) guard(owner, () => owner.listenerFailed(reason));
        else if (first === undefined) {
          first = reason;
          background(owner, this.close());
        }
      }
      return { reason, isLast };
    });
    const last = (await Promise.all(reasons)).find(({ isLast }) => isLast);
    return first ?? (last as { reason: NnrpError }).reason;
  }

  /** @throws UsageError when none, or more than one of them has a certificate, or the options cannot work */
  renew(options: object): void {
    const { listeners, list } = this;
    const renewable = list.filter((_, index) => listeners[index]?.renew !== undefined);
    const [only = list[0], another] = renewable;
    if (another === undefined) {
      only?.renew(options);
      return;
    }
    ignoreRejectionsWithin(options);
    const which = renewable.map((listener) => `${listener.kind} ${listener.localAddress}`).join(' and ');
    throw new UsageError(`renew: ${which} have certificates: call renew of one of server.endpoints`);
  }

  /** Stops listening. It never rejects: the owner is told what fails. */
  async close(): Promise<void> {
    const { listeners, owner } = this;
    const late = ({ address }: FramedListener) =>
      new TimeoutError(`listener ${address} has not closed within ${STEP_MS} ms`, STEP_MS);
    const closing = listeners.map((listener) => {
      const close = () => listener.close();
      return awaited(owner, close, STEP_MS, () => late(listener));
    });
    await Promise.all(closing);
  }
}

/** One of them, as the application sees it. */
class ServerEndpoint implements NnrpServerEndpoint {
  readonly #listener: FramedListener;
  readonly #isListening: () => boolean;

  constructor(listener: FramedListener, isListening: () => boolean) {
    this.#listener = listener;
    this.#isListening = isListening;
  }

  get kind(): TransportKind {
    return this.#listener.kind;
  }

  get localAddress(): string {
    return this.#listener.address;
  }

  get isListening(): boolean {
    return this.#isListening();
  }

  renew(options: object): void {
    if (typeof options !== 'object' || options === null) {
      throw new UsageError(`renew: expected an object with certificate and key, got ${shownValue(options)}`);
    }
    const listener = this.#listener;
    if (listener.renew !== undefined) listener.renew(options as never);
    else {
      ignoreRejectionsWithin(options);
      throw new UsageError(`renew: this server listens on ${this.kind} without TLS, so it has no certificate`);
    }
  }

  toJSON(): Record<string, unknown> {
    const { kind, localAddress, isListening } = this;
    return { kind, localAddress, isListening };
  }

  [INSPECT](depth: number, options: object, inspect?: Inspect): unknown {
    return inspected('NnrpServerEndpoint', this.toJSON(), depth, options, inspect);
  }
}

/** One bound for each name: several listeners may bound the same, each for itself. */
function ofFullest(bounds: readonly ListenerBound[]): ListenerBound[] {
  const byName = new Map<ListenerBoundName, ListenerBound[]>();
  for (const bound of bounds) byName.set(bound.name, [...(byName.get(bound.name) ?? []), bound]);
  return [...byName.values()].map((same) => {
    const [first] = same as [ListenerBound];
    if (same.length === 1) return first;
    const bound = Math.max(...same.map((one) => one.bound));
    return { ...first, bound, value: () => Math.max(...same.map((one) => one.value())) };
  });
}
