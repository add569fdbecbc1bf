import { setTimeout as passing } from 'node:timers/promises';
import { isNnrpError } from 'nnrp-core';
import * as preview3 from 'nnrp-core/preview3';
import type { NnrpClient } from '../../src/client/client.js';
import type { ClientOperation } from '../../src/client/results/client-operation.js';
import type { NnrpClientSession } from '../../src/client/session/client-session.js';
import { CutFault, type CutLedger } from './cut-ledger.js';
import { type Order, resultText } from './cut-work.js';
import type { Dice } from './dice.js';

const { CloseReason, InFlightPolicy } = preview3;

/** Streams and other operations of one lane in flight at once. */
export const STREAMS = 16;
/** Operations of one session, about, before the lane opens another. */
const OPERATIONS_PER_STREAM = 6;

/** What lanes share. */
export interface LaneWorld {
  readonly client: NnrpClient;
  readonly ledger: CutLedger;
  readonly dice: Dice;
  /** Milliseconds that any one thing may take. */
  readonly patienceMs: number;
  /** Whether there is to be no more work. */
  isOver(): boolean;
}

/** One session after the other, with work in flight all the time. */
export class CutLane {
  private operations = 0;
  private patches = 0;
  private sessions = 0;
  private session: NnrpClientSession | undefined;
  /** Whether the session is being closed with work in flight. */
  private isCutting = false;
  private tag = '';

  constructor(
    private readonly world: LaneWorld,
    private readonly number: number,
    /** Whether its first session stays until the end. */
    private readonly isSteady: boolean,
  ) {}

  async open(): Promise<void> {
    const { client, ledger } = this.world;
    const clientSessionTag = BigInt(this.number * 100_000 + ++this.sessions);
    this.tag = `session ${clientSessionTag}`;
    ledger.tell(this.tag, 'is asked for');
    const opening = client.openSession({ clientSessionTag, maxInFlightOperations: STREAMS });
    this.session = await this.within(opening, this.tag, 'openSession');
    this.isCutting = false;
    ledger.counts.sessions++;
    ledger.tell(this.tag, `is ${this.session.sessionId} at the client`);
  }

  /** Works until the world is over, and closes. */
  async run(): Promise<void> {
    for (;;) {
      await this.work();
      await this.close();
      if (this.world.isOver()) return;
      await this.open();
    }
  }

  private async work(): Promise<void> {
    const { world, isSteady } = this;
    const cuts = !isSteady && world.dice.percent(30);
    const streams = Array.from({ length: STREAMS }, () => this.stream());
    const patches = this.patch();
    if (!cuts) {
      await Promise.all([...streams, patches]);
      return;
    }
    await Promise.race([passing(world.dice.below(300)), Promise.all([...streams, patches])]);
    this.isCutting = true;
    await this.close();
    await Promise.all([...streams, patches]);
  }

  private async stream(): Promise<void> {
    const { world, isSteady } = this;
    for (let done = 0; isSteady || done < OPERATIONS_PER_STREAM; done++) {
      if (world.isOver() || this.isCutting) return;
      await this.operate(this.order());
    }
  }

  private order(): Order {
    const { dice } = this.world;
    const draw = dice.below(100);
    const work = draw < 60 ? 'stream' : draw < 80 ? 'once' : draw < 90 ? 'wait' : draw < 95 ? 'drop' : 'fail';
    return {
      id: `${this.number}.${++this.operations}`,
      work,
      partials: dice.below(40),
      seed: dice.below(2 ** 31),
      padding: 'x'.repeat(dice.percent(5) ? dice.below(40_000) : dice.below(200)),
    };
  }

  private async operate(order: Order): Promise<void> {
    const { id } = order;
    const { ledger, dice } = this.world;
    const session = this.session as NnrpClientSession;
    const cancelsAfterMs = order.work === 'wait' || dice.percent(15) ? dice.below(120) : undefined;
    const abort = new AbortController();
    let timer: NodeJS.Timeout | undefined;
    if (cancelsAfterMs !== undefined) {
      timer = setTimeout(() => {
        ledger.tell(id, 'is cancelled');
        abort.abort();
      }, cancelsAfterMs);
    }
    ledger.tell(id, `${order.work} is submitted in ${this.tag}`);
    try {
      await this.within(this.outcome(session, order, abort.signal), id, `${order.work}`);
      ledger.check(order.work === 'stream' || order.work === 'once', id, `${order.work} has a result`);
      ledger.check(ledger.timesOf(id, 'handled') === 1, id, 'is answered, and was not handled');
      ledger.tell(id, 'is answered');
      ledger.counts.answered++;
    } catch (error) {
      this.failed(order, error, abort.signal.aborted);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Reads what the server answers. @throws what the operation fails with, or CutFault */
  private async outcome(session: NnrpClientSession, order: Order, signal: AbortSignal): Promise<void> {
    const { id } = order;
    const { ledger } = this.world;
    const operation = await session.submit(JSON.stringify(order), { signal });
    ledger.tell(id, `is frame ${operation.frameId} of ${this.tag}`);
    let next = 0;
    let isLast = false;
    for await (const result of operation) {
      const text = result.text();
      ledger.check(!isLast, id, `a result behind the last: ${words(text)}`);
      isLast = !result.partial;
      const expected = resultText(id, isLast ? `last ${next}` : next);
      ledger.check(text.startsWith(expected), id, `expected ${expected}, got ${words(text)}`);
      if (isLast) continue;
      ledger.tell(id, `partial ${next}`);
      ledger.counts.partials++;
      next++;
    }
    ledger.check(isLast, id, 'has ended without a last result');
    ledger.check(next === (order.work === 'stream' ? order.partials : 0), id, `${next} partials of ${order.partials}`);
    await this.sameResult(operation, id);
  }

  private async sameResult(operation: ClientOperation, id: string): Promise<void> {
    const last = await operation.result();
    this.world.ledger.check(!last.partial, id, 'the last result is partial');
  }

  private failed({ id, work }: Order, error: unknown, wasCancelled: boolean): void {
    const { ledger } = this.world;
    if (error instanceof CutFault) throw error;
    const code = isNnrpError(error) ? error.code : undefined;
    ledger.tell(id, `fails: ${String(error)}`);
    if (code === 'NNRP_ERR_CANCELLED' && wasCancelled) ledger.counts.cancelled++;
    else if (work === 'drop' && code === 'NNRP_ERR_RESULT_DROPPED') ledger.counts.failed++;
    else if (work === 'fail' && code === 'CUT_TEST') ledger.counts.failed++;
    else if (this.isCutting && code === 'NNRP_ERR_CLOSED') ledger.counts.cut++;
    else throw ledger.found(new CutFault(id, `${work} fails: ${String(error)}`));
  }

  private async patch(): Promise<void> {
    const { world, session, isSteady, tag } = this;
    const { ledger, dice } = world;
    for (let done = 0; session !== undefined && (isSteady || done < 4); done++) {
      if (world.isOver() || this.isCutting) return;
      const targetCadenceX100 = ++this.patches;
      try {
        await this.within(session.patch({ targetCadenceX100 }), tag, `patch ${targetCadenceX100}`);
      } catch (error) {
        if (error instanceof CutFault) throw error;
        const isExpected = this.isCutting && isNnrpError(error, 'NNRP_ERR_CLOSED');
        if (!isExpected) throw ledger.found(new CutFault(tag, `patch ${targetCadenceX100} fails: ${String(error)}`));
        return;
      }
      ledger.counts.patches++;
      ledger.check(
        ledger.timesOf(tag, `patch ${targetCadenceX100}`) === 1,
        tag,
        'a patch is answered that was not there',
      );
      await passing(dice.below(100));
    }
  }

  private async close(): Promise<void> {
    const { session, tag, isCutting } = this;
    const { ledger } = this.world;
    if (session === undefined) return;
    const inFlightPolicy = isCutting ? InFlightPolicy.Abort : InFlightPolicy.Drain;
    ledger.tell(tag, isCutting ? 'is cut off' : 'is closed');
    try {
      await this.within(session.close({ reason: CloseReason.ClientShutdown, inFlightPolicy }), tag, 'close');
    } catch (error) {
      if (error instanceof CutFault) throw error;
      throw ledger.found(new CutFault(tag, `close fails: ${String(error)}`));
    }
    ledger.tell(tag, 'has been closed');
    ledger.check(session.inFlightCount === 0, tag, `${session.inFlightCount} operations are left`);
  }

  private async within<T>(promise: Promise<T>, subject: string, what: string): Promise<T> {
    const { patienceMs, ledger } = this.world;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(
        () => reject(new CutFault(subject, `${what} has not ended within ${patienceMs} ms`)),
        patienceMs,
      );
    });
    try {
      return await Promise.race([promise, late]);
    } catch (error) {
      throw error instanceof CutFault ? ledger.found(error) : error;
    } finally {
      clearTimeout(timer);
    }
  }
}

function words(text: string): string {
  return text.length > 60 ? `${text.slice(0, 60)}...` : text;
}
