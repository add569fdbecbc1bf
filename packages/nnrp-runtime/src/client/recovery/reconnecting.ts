import type { NnrpError } from 'nnrp-core';
import { background, type Guarded, guard, later } from '../../base/guard.js';
import { MAX_TIMER_MS } from '../../base/time/timer-limit.js';
import { type Timer, whenOnline } from '../../platform/platform.js';
import { connectFailure, connectWithin } from '../../transport/connecting/connect-attempt.js';
import type { FramedConnector, FramedTransport } from '../../transport/contract/contract.js';
import { backoffMs, MAX_BACKOFF_MS } from './backoff.js';

/** Is told how an attempt ends. */
export interface ReconnectingOwner extends Guarded {
  connected(transport: FramedTransport): void;
  connectFailed(error: NnrpError): void;
}

/** What the client's configuration says of it. */
export interface ReconnectingSettings {
  readonly reconnectBackoffMs: number;
  readonly connectTimeoutMs: number;
  readonly pingTimeoutMs: number;
  readonly openTimeoutMs: number;
}

/** Attempts to connect again, one at a time; none goes on after `stop`. */
export class Reconnecting {
  private timer: Timer | undefined;
  private attempt: AbortController | undefined;
  private attempts = 0;
  private letNetworkGo = () => {};
  /** Before that, in milliseconds of `performance.now()`, the server wants no attempt. */
  private notBeforeMs = 0;
  /** When the attempt that is under way began. */
  private attemptMs = 0;
  /** When the connection was of use, in milliseconds of `performance.now()`; undefined while there is none. */
  private sinceMs: number | undefined;
  /** Connections, one after the other, on which the server has said nothing in time. */
  private unanswered = 0;

  constructor(
    private readonly owner: ReconnectingOwner,
    private readonly connector: FramedConnector,
    private readonly settings: ReconnectingSettings,
  ) {}

  /**
   * Milliseconds in which the server has to say something on the next connection. One to which all clients come back at once may
   * need longer than another, and an attempt that is given up is work for nothing.
   */
  get answerMs(): number {
    const { openTimeoutMs, pingTimeoutMs } = this.settings;
    return Math.min(openTimeoutMs, pingTimeoutMs * 2 ** this.unanswered);
  }

  /** A connection is lost. @param hasHeard - whether the server has said anything on it */
  lost(hasHeard: boolean, { code }: NnrpError): void {
    this.unanswered = hasHeard ? 0 : this.unanswered + Number(code === 'NNRP_ERR_TIMEOUT');
  }

  /** Connects after a while, which keeps the process running. @param leastMs - what the server asks for */
  begin(leastMs: number): void {
    this.stop();
    if (this.sinceMs !== undefined && performance.now() - this.sinceMs >= MAX_BACKOFF_MS) this.attempts = 0;
    this.sinceMs = undefined;
    this.notBeforeMs = performance.now() + leastMs;
    this.wait(leastMs);
  }

  private wait(leastMs: number): void {
    const drawnMs = backoffMs(this.attempts++, this.settings.reconnectBackoffMs);
    // Those that were all asked to wait as long do not come back together either.
    const delayMs = leastMs > 0 ? leastMs + drawnMs : drawnMs;
    this.timer = later(this.owner, Math.min(delayMs, MAX_TIMER_MS), () => this.connect());
    this.letNetworkGo = whenOnline(() => guard(this.owner, () => this.networkIsBack()));
  }

  /** The waits so far were for a network that was not there, and so is an attempt that is under way. */
  private networkIsBack(): void {
    const nowMs = performance.now();
    // One that is young may be of the network that is back: a network that comes and goes must not end each of them.
    if (this.attempt !== undefined && nowMs - this.attemptMs < MAX_BACKOFF_MS) return;
    this.attempts = 0;
    this.stop();
    this.wait(Math.max(0, this.notBeforeMs - nowMs));
  }

  /**
   * Sessions go on. The next attempt is the first one again when something has come through on the last connection, or when
   * this one lasts longer than the longest wait: a server that takes sessions back and cuts them off, again and again, would be
   * asked without a pause otherwise.
   */
  succeeded(hasMoved: boolean): void {
    if (hasMoved) this.attempts = 0;
    this.sinceMs = performance.now();
  }

  /** The connection is over, and nothing has come over it. @returns how many ways there are */
  ledNowhere(): number {
    let ways: unknown;
    guard(this.owner, () => {
      ways = this.connector.ledNowhere?.();
    });
    if (ways === true) return 2;
    return typeof ways === 'number' ? ways : 1;
  }

  stop(): void {
    const { attempt } = this;
    this.attempt = undefined;
    clearTimeout(this.timer);
    this.timer = undefined;
    this.letNetworkGo();
    attempt?.abort();
  }

  private connect(): void {
    const { owner, connector, settings } = this;
    const attempt = new AbortController();
    this.attempt = attempt;
    this.attemptMs = performance.now();
    const isWanted = () => this.attempt === attempt;
    const came = (transport: FramedTransport) => {
      if (!isWanted()) {
        transport.abort();
        return;
      }
      this.letNetworkGo();
      owner.connected(transport);
    };
    const failed = (error: unknown) => {
      if (isWanted()) owner.connectFailed(connectFailure(error));
    };
    background(owner, connectWithin(owner, connector, settings.connectTimeoutMs, attempt.signal).then(came, failed));
  }
}
