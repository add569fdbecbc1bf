import { forCaller, type NnrpError, TimeoutError } from 'nnrp-core';
import type { Guarded } from '../base/guard.js';
import { Line } from '../base/queues/line.js';
import { Patience } from '../base/time/patience.js';

/** A PONG comes after what was sent before it: while that arrives it is waited for, so long at most. */
const MOST_BEHIND_MS = 60_000;
/** Bytes of a long packet that have to come in a second: one of which nothing comes is no excuse. */
const LEAST_BYTES_PER_SECOND = 500;

interface AwaitedPong {
  sentAtMs: number;
  /** Until then one of the sides did not read: what was sent before the PONG can come only since. */
  heldUntilMs: number;
  /** How often its time has begun since it was sent: one that was excused is waited for longer. */
  runs: number;
  patience: Patience | undefined;
  isOver: boolean;
  resolve(roundTripMs: number): void;
  reject(error: NnrpError): void;
}

/** A PING on its way. */
export interface StartedPing {
  /** In milliseconds. */
  readonly roundTrip: Promise<number>;
  giveUp(error: NnrpError): void;
}

/** What PINGs need of their connection. */
export interface PingsOwner extends Guarded {
  sendPing(): void;
  /** No PONG has come in time. @returns whether it is waited for still: its PING is sent once more */
  pingTimedOut(error: TimeoutError): boolean;
  /** Whether bytes wait to be sent. */
  readonly isSending: boolean;
  /** Whether there is no connection, and another one is to come; left out where none ever is. */
  readonly isAway?: boolean;
  /** How often this side has stopped reading, and whether it reads now: a PONG that is not read proves nothing. */
  readonly reading: { readonly stops: number; readonly isPaused: boolean };
  /** Packets that have come. */
  readonly packetCount: number;
  /** Bytes that have come of a packet that is not complete. */
  readonly unfinishedBytes: number;
}

/** PINGs without their PONG. Nothing in a PONG says which PING it answers, so they are matched in order. */
export class Pings {
  /** The one that is watched among those of which only the log wants to know. */
  private watched: AwaitedPong | undefined;
  /** The last round trip in milliseconds; undefined before the first answer. */
  lastRoundTripMs: number | undefined;
  /** In order; made with the first PING. */
  private awaited: Line<AwaitedPong> | undefined;

  constructor(private readonly owner: PingsOwner) {}

  get waiting(): number {
    return this.awaited?.size ?? 0;
  }

  /** Whether a PONG is waited for, and not only due. */
  get isAwaited(): boolean {
    return [...(this.awaited ?? [])].some(({ isOver }) => !isOver);
  }

  /**
   * @returns the round trip in milliseconds; rejects with TimeoutError, which costs the connection, unless one of the sides
   * does not read: then it waits up to a minute, and costs nothing
   */
  ping(timeoutMs: number): Promise<number> {
    return this.start(timeoutMs).roundTrip;
  }

  /** The same, in a form that can be given up: the PONG is still waited for in its place, and costs nothing any more. */
  start(timeoutMs: number): StartedPing {
    let giveUp: (error: NnrpError) => void = () => {};
    const roundTrip = new Promise<number>((resolve, reject) => {
      const pong = awaitedPong(resolve, reject);
      this.wait(pong, timeoutMs, timeoutMs);
      this.awaited ??= new Line();
      this.awaited.push(pong);
      giveUp = (error) => giveUpPong(pong, error);
      this.owner.sendPing();
    });
    return { roundTrip, giveUp };
  }

  /**
   * A PING for what its PONG confirms: there may be hundreds a second, so one of them at a time has a timer.
   */
  fence(timeoutMs: number): void {
    const pong = awaitedPong(IGNORED, IGNORED);
    this.awaited ??= new Line();
    this.awaited.push(pong);
    if (this.watched === undefined) this.watch(pong, timeoutMs, timeoutMs);
    this.owner.sendPing();
  }

  /** A PING to see whether the peer can still be written to. Its PONG may come at any time, and measures nothing. */
  unwatched(): void {
    const pong = awaitedPong(IGNORED, IGNORED);
    pong.isOver = true;
    this.awaited ??= new Line();
    this.awaited.push(pong);
    this.owner.sendPing();
  }

  /** @returns false when no PING waits for an answer */
  answered(): boolean {
    if (this.awaited === undefined || this.awaited.size === 0) return false;
    const oldest = this.awaited.take();
    // One that is not waited for says nothing of the way.
    if (oldest.isOver) return true;
    oldest.isOver = true;
    // Its timer runs on, or each fence would need one of its own.
    if (oldest !== this.watched) oldest.patience?.end();
    this.lastRoundTripMs = performance.now() - oldest.sentAtMs;
    oldest.resolve(this.lastRoundTripMs);
    return true;
  }

  /** They are sent once more, on another connection: the time until then says nothing of the way. */
  sentAgain(): void {
    for (const awaited of this.awaited ?? []) {
      awaited.sentAtMs = awaited.heldUntilMs = performance.now();
      awaited.runs = Math.min(awaited.runs, 1);
    }
  }

  /** @param leftMs - of its time */
  private watch(pong: AwaitedPong, timeoutMs: number, leftMs: number): void {
    this.watched = pong;
    this.wait(pong, timeoutMs, leftMs, () => {
      this.watched = undefined;
      const next = [...(this.awaited ?? [])].find(({ isOver }) => !isOver);
      if (next === undefined || next.patience !== undefined) return;
      this.watch(next, timeoutMs, Math.max(1, Math.ceil(next.sentAtMs + timeoutMs - performance.now())));
    });
  }

  /**
   * @param leftMs - of `timeoutMs`
   * @param answered - the time has passed, and the answer had come by then
   */
  private wait(awaited: AwaitedPong, timeoutMs: number, leftMs: number, answered: () => void = IGNORED): void {
    const { owner } = this;
    const { stops } = owner.reading;
    const { packetCount, unfinishedBytes } = owner;
    awaited.runs++;
    awaited.patience = new Patience(owner, leftMs, () => {
      if (awaited.isOver) {
        answered();
        return;
      }
      // A connection that is not there cannot be given up, nor may it be waited for without a limit.
      if (owner.isAway) {
        giveUpPong(awaited, new TimeoutError(`no PONG within ${timeoutMs} ms: the connection is lost`, timeoutMs));
        answered();
        return;
      }
      const { reading } = owner;
      const nowMs = performance.now();
      // What was sent before it may arrive still, however slowly the network brings it.
      const comes =
        owner.packetCount !== packetCount ||
        (owner.unfinishedBytes - unfinishedBytes) * 1000 >= LEAST_BYTES_PER_SECOND * timeoutMs;
      // It may not even have left yet; a peer that takes nothing at all is given up by the transport. Nor may its PONG have
      // been read: it lies behind what this side does not take.
      if (owner.isSending || reading.isPaused || reading.stops !== stops) awaited.heldUntilMs = nowMs;
      const isExcused = awaited.heldUntilMs === nowMs || (comes && nowMs - awaited.heldUntilMs < MOST_BEHIND_MS);
      if (isExcused && !awaited.isOver) {
        // The connection is kept. The caller does not wait on, although the peer takes a byte now and then.
        const passedMs = Math.round(nowMs - awaited.sentAtMs);
        if (passedMs >= MOST_BEHIND_MS)
          awaited.reject(new TimeoutError(`no PONG within ${passedMs} ms: one of the sides does not read`, passedMs));
        this.wait(awaited, timeoutMs, timeoutMs, answered);
        return;
      }
      const waitedMs = timeoutMs * awaited.runs;
      if (owner.pingTimedOut(new TimeoutError(`no PONG within ${waitedMs} ms`, waitedMs)) && !awaited.isOver)
        this.wait(awaited, timeoutMs, timeoutMs, answered);
    }).unref();
  }

  end(error: NnrpError): void {
    this.watched?.patience?.end();
    this.watched = undefined;
    for (const awaited of this.awaited?.drain() ?? []) {
      awaited.isOver = true;
      awaited.patience?.end();
      awaited.reject(forCaller(error));
    }
  }
}

function awaitedPong(resolve: AwaitedPong['resolve'], reject: AwaitedPong['reject']): AwaitedPong {
  const nowMs = performance.now();
  return { sentAtMs: nowMs, heldUntilMs: nowMs, runs: 0, patience: undefined, isOver: false, resolve, reject };
}

/** Its place stays: the PONG may still come. */
function giveUpPong(pong: AwaitedPong, error: NnrpError): void {
  pong.isOver = true;
  pong.patience?.end();
  pong.reject(error);
}

const IGNORED = () => {};
