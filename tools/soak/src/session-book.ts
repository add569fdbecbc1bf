import { FrameIds } from 'nnrp-core';

/** Frames and what became of them, over all sessions of a process. */
export class Totals {
  submitted = 0;
  /** Frames with one terminal answer on the wire. */
  answered = 0;
  /** Frames with a second one. */
  double = 0;
  /** Terminal answers to frames that were not submitted. */
  unasked = 0;
  /** Frames without an answer in a session that ended in good order. */
  lost = 0;
  /** Frames without an answer when their client vanished: no answer could arrive. */
  vanished = 0;
  /** Frames that were sent, though the application was told that they were not, or of no frame at all. */
  denied = 0;
  partials = 0;
  /** Partial results that came twice, out of order or not at all, of streams that were read to their end. */
  partialsAstray = 0;
  /** How often a client had lost its connection and was back. */
  resumed = 0;
  /** Sessions whose client was cut off before it had any. */
  neverOpened = 0;
  /** Results of a session that was over. */
  late = 0;
  /** The first frames with which something is wrong, each with all that is known of it. */
  readonly odd: string[] = [];
}

const MAX_ODD = 20;

/** What is known of one frame. */
interface Frame {
  /** When its submit was given to a connection, in milliseconds of `performance.now()`; given again where it is resumed. */
  sentAtMs?: number;
  /** When the application had the operation, or the error that names its frame. */
  toldAtMs?: number;
  answeredAtMs?: number;
  /** What the application was told instead of the operation. */
  failure?: string;
  /** It was told that the submit was not sent. */
  isDenied?: boolean;
}

/**
 * The frames of one session: entered from what is on the wire, and compared with what the client makes of it. The application is
 * told of a frame after its answer, where its submit waits for room: so all is added up when every submit is settled.
 */
export class SessionBook {
  /** Whether the server has said that the session is closed. */
  isOver = false;
  /** Until they were sent, told of and answered. */
  private readonly frames = new Map<number, Frame>();
  private readonly settled = new FrameIds();
  private unanswered = 0;

  constructor(
    private readonly totals: Totals,
    private readonly sessionId: number,
  ) {}

  /** Frames that the application was told of, without an answer. */
  get waiting(): number {
    return this.unanswered;
  }

  /** Its submit is given to a connection. */
  sent(frameId: number): void {
    if (!this.settled.has(frameId)) this.enter(frameId, 'sentAtMs');
  }

  /** The application has the operation. */
  submitted(frameId: number): void {
    if (this.enter(frameId, 'toldAtMs').answeredAtMs === undefined) this.unanswered++;
  }

  /** The application has no operation. The error names the frame, unless it never had one. */
  submitFailed(error: unknown): void {
    const text = error instanceof Error ? error.message : String(error);
    const frameId = Number(/\bframe (\d+)/.exec(text)?.[1] ?? 0);
    if (frameId === 0) return;
    const frame = this.frames.get(frameId) ?? {};
    frame.failure = text;
    frame.isDenied = text.includes('its submit was not sent');
    this.frames.set(frameId, frame);
    this.submitted(frameId);
  }

  terminal(frameId: number): void {
    const frame = this.frames.get(frameId);
    if (this.settled.has(frameId) || frame?.answeredAtMs !== undefined) {
      this.totals.double++;
      this.note('answered twice', frameId, frame ?? {});
      return;
    }
    if (frame?.toldAtMs !== undefined) this.unanswered--;
    this.enter(frameId, 'answeredAtMs');
  }

  /**
   * Adds up what is left, when all that was submitted is settled.
   * @param vanished - its client has, so that no answer could arrive
   */
  close(vanished: boolean): void {
    const { totals } = this;
    for (const [frameId, frame] of this.frames) {
      const { sentAtMs, toldAtMs, answeredAtMs, isDenied = false } = frame;
      // What waits for room when its client vanishes is told of the connection alone.
      const isUntold = toldAtMs === undefined && !vanished;
      if (sentAtMs !== undefined && (isUntold || isDenied)) {
        totals.denied++;
        this.note('sent, and the application does not know', frameId, frame);
      }
      if (sentAtMs === undefined && answeredAtMs !== undefined) {
        totals.unasked++;
        this.note('answered, and never sent', frameId, frame);
      }
      if (toldAtMs === undefined || (isDenied && sentAtMs === undefined)) continue;
      totals.submitted++;
      if (answeredAtMs !== undefined) totals.answered++;
      else if (vanished) totals.vanished++;
      else {
        totals.lost++;
        this.note('without an answer', frameId, frame);
      }
    }
    this.frames.clear();
    this.unanswered = 0;
  }

  private enter(frameId: number, what: 'sentAtMs' | 'toldAtMs' | 'answeredAtMs'): Frame {
    const frame = this.frames.get(frameId) ?? {};
    frame[what] ??= performance.now();
    this.frames.set(frameId, frame);
    const { sentAtMs, toldAtMs, answeredAtMs } = frame;
    if (sentAtMs === undefined || toldAtMs === undefined || answeredAtMs === undefined) return frame;
    if (frame.isDenied === true) return frame;
    this.frames.delete(frameId);
    this.settled.take(frameId);
    this.totals.submitted++;
    this.totals.answered++;
    return frame;
  }

  private note(what: string, frameId: number, frame: Frame): void {
    const { odd } = this.totals;
    if (odd.length >= MAX_ODD) return;
    const facts = Object.entries(frame).map(([name, value]) => {
      return `${name} ${typeof value === 'number' ? value.toFixed(1) : String(value)}`;
    });
    const nowMs = performance.now().toFixed(1);
    odd.push(`session ${this.sessionId}, frame ${frameId}: ${what} at ${nowMs}; ${facts.join(', ')}`);
  }
}
