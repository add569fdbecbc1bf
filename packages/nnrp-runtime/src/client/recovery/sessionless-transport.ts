import { isNnrpError, type NnrpError, type Revision } from 'nnrp-core';
import type { FramedTransport } from '../../transport/contract/contract.js';
import type { LiveLink } from './live-link.js';
import { ResumingTransport } from './resuming-transport.js';

/** So many connections in a row that are lost before the server has said anything are the end, when each way was taken. */
const MOST_SILENT = 3;
/** While nothing waits for an answer, so many attempts to connect in a row that fail are the end. */
const MOST_FAILED = 3;

/**
 * A transport that comes back although it carries no session: a request for one is asked again. An end in good order stays an
 * end, unless a session is asked for of a server that is known to be one.
 */
export class SessionlessTransport extends ResumingTransport {
  /** Whether the server has said anything, on any connection. */
  private isKnown = false;
  /** How many ways there are, if the last connection led nowhere; else 1. */
  private ways = 1;
  /** Whether it was no server of either revision: what says nothing, or something else. */
  private isNoServer = false;
  /** Connections in a row on which it has said nothing. */
  private silent = 0;
  /** Attempts to connect in a row that have failed. */
  private failed = 0;

  /** Why there is no connection; undefined while there is one. */
  get awayFor(): NnrpError | undefined {
    return this.isAway ? this.gap?.error : undefined;
  }

  /** Where there are several addresses, the last one has half of the time: so has what takes the connection first. */
  get silenceMs(): number {
    return Math.ceil(this.settings.connectTimeoutMs / 2);
  }

  speak(revision: Revision): void {
    this.words.speaks(revision, this.link);
  }

  override linkLost(link: LiveLink, error: NnrpError | undefined): void {
    if (link === this.link) {
      this.silent = link.hasHeard ? 0 : this.silent + 1;
      this.isKnown ||= link.hasHeard;
      this.ways = link.hasHeard ? 1 : this.reconnecting.ledNowhere();
    }
    super.linkLost(link, error);
  }

  noServer(link: LiveLink, error: NnrpError): boolean {
    if (this.reconnecting.ledNowhere() < 2) return false;
    this.isNoServer = true;
    link.lost(error);
    this.isNoServer = false;
    return true;
  }

  override connected(transport: FramedTransport): void {
    this.failed = 0;
    super.connected(transport);
  }

  override connectFailed(error: NnrpError): void {
    this.failed++;
    super.connectFailed(error);
  }

  protected override comesBack(error: NnrpError | undefined): boolean {
    const { gap, owner, settings } = this;
    const isGivenUp = this.silent >= Math.max(MOST_SILENT, this.ways);
    if (this.isNoServer && !isGivenUp) return !owner.isLeaving;
    // What ends a connection over its hello may be a server of preview3: the caller of connect looks into that.
    if (settings.revision === 'auto' && !this.isKnown && this.link?.hasHeard !== true) return false;
    if (gap?.isSessionless !== true && super.comesBack(error)) return true;
    if (owner.hasSessions || owner.isLeaving || isGivenUp) return false;
    if (gap !== undefined) return true;
    if (isNnrpError(error, 'NNRP_ERR_TRANSPORT')) return error.isRetryable;
    // What hangs up without a word, or is silent, may be no server at all: then another address may be one.
    if (this.ways > 1) return error?.isRetryable !== false;
    const isKnown = this.isKnown || this.link?.hasHeard === true;
    return isKnown && owner.isOpening && error?.isRetryable !== false;
  }

  protected override connectAgain(): void {
    const { gap, owner, failed } = this;
    const isFutile = failed >= MOST_FAILED && gap?.isSessionless === true && !owner.isAwaited;
    if (isFutile && !this.isOver) this.endedFor(gap.error);
    else super.connectAgain();
  }
}
