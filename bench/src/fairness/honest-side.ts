import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { NnrpClient, type NnrpClientSession } from 'nnrp-runtime';
import { connectWebSocket } from 'nnrp-transport-websocket';
import type { Row } from './attacks.js';
import { TIMED } from './work.js';

/** Submits that the client always has in progress; its session lets fewer go at once, the rest wait in the client. */
export const SUBMITS = 20;
const RETRY_MS = 50;
const BODY = new Uint8Array(64).fill(TIMED);

/** What the honest client got in a turn. */
export interface HonestFigures {
  readonly perSecond: number;
  readonly answered: number;
  /** Submits that were dropped or refused, or whose session was lost. */
  readonly failed: number;
  /** Sessions that ended, and could not be opened. */
  readonly sessionsLost: number;
  /** Longest time from a submit to its answer, or to the end of the turn if that has not come. */
  readonly worstMs: number;
  readonly firstFailure?: string;
}

/** A client with the defaults: one session, and submits that go on for ever. */
export class HonestSide {
  private client: NnrpClient | undefined;
  private session: Promise<NnrpClientSession> | undefined;
  private port = 0;
  private isOver = false;
  private counts = new Counts();
  /** When each lane has submitted; absent while it is between two submits. */
  private readonly submittedMs: (number | undefined)[] = [];

  constructor(private readonly over: Row['over']) {}

  async connect(port: number): Promise<void> {
    this.port = port;
    await this.open();
    for (let lane = 0; lane < SUBMITS; lane++) void this.run(lane);
  }

  async turn(milliseconds: number): Promise<HonestFigures> {
    this.counts = new Counts();
    const startMs = performance.now();
    await sleep(milliseconds);
    const nowMs = performance.now();
    const { answered, failed, sessionsLost, worstMs, firstFailure } = this.counts;
    const waiting = this.submittedMs.map((sinceMs) => (sinceMs === undefined ? 0 : nowMs - sinceMs));
    return {
      perSecond: (answered * 1000) / (nowMs - startMs),
      answered,
      failed,
      sessionsLost,
      worstMs: Math.max(worstMs, ...waiting),
      ...(firstFailure !== undefined && { firstFailure }),
    };
  }

  async disconnect(): Promise<void> {
    this.isOver = true;
  }

  private async run(lane: number): Promise<void> {
    while (!this.isOver) {
      // A submit waits from when the application wants it, whatever becomes of the session meanwhile.
      const sinceMs = performance.now();
      this.submittedMs[lane] = sinceMs;
      while (!(await this.answered()) && !this.isOver) await sleep(RETRY_MS);
      this.counts.answer(performance.now() - sinceMs);
    }
  }

  private async answered(): Promise<boolean> {
    let session: NnrpClientSession | undefined;
    try {
      session = await this.open();
      await (await session.submit(BODY)).result();
      return true;
    } catch (error) {
      this.counts.failure(error);
      // What could not be opened is opened again.
      if (session === undefined) this.lost(this.session);
      return false;
    }
  }

  /** The session; another one when it has ended. */
  private async open(): Promise<NnrpClientSession> {
    const opening = this.session;
    if (opening !== undefined) {
      const session = await opening;
      if (session.endReason === undefined) return session;
      this.lost(opening);
    }
    this.session ??= this.openAnother();
    return this.session;
  }

  private async openAnother(): Promise<NnrpClientSession> {
    this.client?.close().catch(() => {});
    const address = `127.0.0.1:${this.port}`;
    this.client = await (this.over === 'tcp' ? NnrpClient.connectTcp(address) : connectWebSocket(`ws://${address}/`));
    return this.client.openSession();
  }

  /** Of all lanes that see it, one forgets the session. */
  private lost(session: Promise<NnrpClientSession> | undefined): void {
    if (this.session !== session) return;
    this.session = undefined;
    this.counts.sessionsLost++;
  }
}

class Counts {
  answered = 0;
  failed = 0;
  sessionsLost = 0;
  worstMs = 0;
  firstFailure: string | undefined;

  answer(waitMs: number): void {
    this.answered++;
    if (waitMs > this.worstMs) this.worstMs = waitMs;
  }

  failure(error: unknown): void {
    this.failed++;
    this.firstFailure ??= String(error);
  }
}
