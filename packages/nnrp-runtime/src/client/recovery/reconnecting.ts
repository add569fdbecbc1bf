import { isNnrpError, type NnrpError, TransportError } from 'nnrp-core';
import { brokenBy } from '../../base/application/thrown-text.js';
import { background, type Guarded, guard, later } from '../../base/guard.js';
import { MAX_TIMER_MS } from '../../base/time/timer-limit.js';
import type { FramedConnector, FramedTransport } from '../../transport/contract/contract.js';
import { checkTransport } from '../../transport/contract/is-transport.js';
import { backoffMs } from './backoff.js';

/** Who is told how an attempt ends. */
export interface ReconnectingOwner extends Guarded {
  connected(transport: FramedTransport): void;
  connectFailed(error: NnrpError): void;
}

/** Attempts to connect again, one at a time; none goes on after `stop`. */
export class Reconnecting {
  private timer: NodeJS.Timeout | undefined;
  /** Rises with every attempt, and at the end: what comes of an earlier one is not wanted any more. */
  private current = 0;
  private attempts = 0;

  constructor(
    private readonly owner: ReconnectingOwner,
    private readonly connector: FramedConnector,
    private readonly firstMs: number,
  ) {}

  /** Connects after a while, which keeps the process running. @param leastMs - what the server asks for */
  begin(leastMs: number): void {
    this.stop();
    const drawnMs = backoffMs(this.attempts++, this.firstMs);
    // Those that were all asked to wait as long do not come back together either.
    const delayMs = leastMs > 0 ? leastMs + drawnMs : drawnMs;
    this.timer = later(this.owner, Math.min(delayMs, MAX_TIMER_MS), () => this.connect());
  }

  /** The next attempt is the first one again. */
  succeeded(): void {
    this.attempts = 0;
  }

  stop(): void {
    this.current++;
    clearTimeout(this.timer);
    this.timer = undefined;
  }

  private connect(): void {
    const { owner, connector } = this;
    const attempt = ++this.current;
    // A connector of the application's own may throw, or answer with something else.
    const connecting = new Promise<FramedTransport>((resolve) => resolve(connector.connect()));
    const came = (transport: FramedTransport) => {
      if (attempt !== this.current) guard(IGNORED, () => transport.abort());
      else {
        checkTransport('connect', transport);
        owner.connected(transport);
      }
    };
    const failed = (error: unknown) => {
      if (attempt === this.current) owner.connectFailed(isNnrpError(error) ? error : failure(error));
    };
    background(owner, connecting.then(came, failed));
  }
}

function failure(error: unknown): TransportError {
  return new TransportError(`the connector failed: ${brokenBy(error)}`, { cause: error });
}

const IGNORED: Guarded = { crashed: () => {} };
