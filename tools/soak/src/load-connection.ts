import { setTimeout as sleep } from 'node:timers/promises';
import { isNnrpError } from 'nnrp-core';
import * as preview3 from 'nnrp-core/preview3';
import { type ClientOperation, NnrpClient, type NnrpClientSession } from 'nnrp-runtime';
import type { FramedConnector, FramedTransport } from 'nnrp-runtime/transport';
import { AnswerBook } from './answer-book.js';
import type { Dice } from './dice.js';
import type { Faults } from './faults.js';
import type { Revision } from './options.js';
import type { SessionBook, Totals } from './session-book.js';

const { CacheInvalidateScope, CacheObjectKind, InFlightPolicy, UpdateReason } = preview3;

/** What a load is made of. */
export interface LoadPlan {
  readonly connector: FramedConnector;
  readonly sessionsPerConnection: number;
  /** Mean time between two actions of one session, in milliseconds. */
  readonly pauseMs: number;
  /** Mean life of a connection, in milliseconds. */
  readonly lifeMs: number;
  /** Whether the network cuts connections: the client comes back each time, and never vanishes by its own will. */
  readonly cuts: boolean;
  readonly revision: Revision;
}

/** Silence is found soon. */
const CUTS_CONFIG = Object.freeze({
  keepAliveMs: 1000,
  pingTimeoutMs: 5000,
  openTimeoutMs: 60_000,
  closeTimeoutMs: 60_000,
  requestTimeoutMs: 60_000,
});

/** How an open ends when the network has cut its connection. */
const CUT_OFF: ReadonlySet<string> = new Set(['NNRP_ERR_TRANSPORT', 'NNRP_ERR_TIMEOUT', 'NNRP_ERR_CLOSED']);

type Action = 'echo' | 'later' | 'stream' | 'cancel' | 'left' | 'deadline' | 'fail' | 'drop' | Rare;
type Rare = 'patch' | 'put' | 'forget' | 'pause' | 'burst' | 'close';

const ACTIONS: readonly (readonly [number, Action])[] = [
  [40, 'echo'],
  [10, 'later'],
  [8, 'stream'],
  [6, 'cancel'],
  [2, 'left'],
  [5, 'deadline'],
  [2, 'fail'],
  [2, 'drop'],
  [4, 'patch'],
  [4, 'put'],
  [1, 'forget'],
  [2, 'pause'],
  [3, 'burst'],
  [1, 'close'],
];

/** One connection after another, each with its sessions, each of which does one thing after another. */
export class LoadConnection {
  private stopped = false;
  private leaving = false;
  private transport: FramedTransport | undefined;

  constructor(
    private readonly plan: LoadPlan,
    private readonly dice: Dice,
    private readonly totals: Totals,
    private readonly faults: Faults,
  ) {}

  /** Until `stop`. */
  async run(): Promise<void> {
    while (!this.stopped) await this.live();
  }

  stop(): void {
    this.stopped = true;
  }

  /** One connection from beginning to end. */
  private async live(): Promise<void> {
    const { plan, dice } = this;
    const book = new AnswerBook(this.totals);
    let client: NnrpClient;
    try {
      client = await this.connect(book);
    } catch (error) {
      if (!this.plan.cuts) this.faults.note('connect', error);
      await sleep(100);
      return;
    }
    this.leaving = false;
    client.on('protocolViolation', ({ error }) => this.faults.note('the server broke a rule', error));
    client.on('stray', ({ message, packet }) => {
      this.faults.note('stray', `${message.name}, session ${packet.sessionId}, frame ${packet.frameId}`);
    });
    client.on('resumed', () => this.totals.resumed++);
    client.on('lost', ({ sessionId, error }) => this.faults.note(`session ${sessionId} is lost`, error));
    const endsAtMs = performance.now() + plan.lifeMs * (0.2 + 1.6 * dice.next());
    const sessions = Array.from({ length: plan.sessionsPerConnection }, () => this.session(client, book));
    let isOver = false;
    void client.closed.then(() => {
      isOver = true;
    });
    while (!this.stopped && !isOver && performance.now() < endsAtMs) await sleep(20);
    this.leaving = true;
    // At the end all clients leave in good order, so that every frame has to have its answer.
    const vanishes = !plan.cuts && !this.stopped && dice.chance(0.6);
    if (vanishes) {
      this.transport?.abort();
      await client.closed;
      await Promise.all(sessions);
    } else {
      await Promise.all(sessions);
      await client.close();
    }
    book.closeAll(vanishes);
  }

  private async connect(book: AnswerBook): Promise<NnrpClient> {
    const { connector, cuts, revision } = this.plan;
    const watched: FramedConnector = {
      kind: connector.kind,
      connect: async () => {
        this.transport = book.watch(await connector.connect());
        return this.transport;
      },
    };
    if (cuts) return NnrpClient.connect(watched, { ...CUTS_CONFIG, revision });
    return NnrpClient.fromTransport(await watched.connect(), { revision });
  }

  /** One session after another, until the connection is to end. */
  private async session(client: NnrpClient, book: AnswerBook): Promise<void> {
    while (!this.leaving) {
      let session: NnrpClientSession;
      try {
        session = await client.openSession({
          defaultDeadlineMs: 0,
          maxInFlightOperations: 4,
          priorityClass: this.dice.below(3) as preview3.SessionPriorityClass,
        });
      } catch (error) {
        // A server that hangs up before it has said anything is not asked again: it may be none.
        // One that gets nothing of what is sent says goodbye, since it waits for a session no longer.
        const isCutOff = isNnrpError(error) && CUT_OFF.has(error.code);
        const isExcused = this.plan.cuts && book.isEmpty && isCutOff;
        if (isExcused) this.totals.neverOpened++;
        else if (!this.leaving) this.faults.note('open', error);
        return;
      }
      const work = new Set<Promise<void>>();
      const own = book.session(session.sessionId);
      if (own === undefined) throw new Error('a session without its acknowledgement');
      try {
        await this.actions(session, own, work);
      } catch (error) {
        if (!this.leaving) this.faults.note('session', error);
      }
      if (session.endReason !== undefined) {
        await Promise.all(work);
        return;
      }
      const drains = this.dice.chance(0.5);
      // With a drain, all work is waited for; else it is dropped, and counts as answered.
      if (drains) await Promise.all(work);
      try {
        await session.close({
          inFlightPolicy: drains ? InFlightPolicy.Drain : InFlightPolicy.Abort,
          drainTimeoutMs: 500,
        });
      } catch (error) {
        if (!this.leaving) this.faults.note('close', error);
      }
      await Promise.all(work);
      book.settled(own);
    }
  }

  private async actions(session: NnrpClientSession, book: SessionBook, work: Set<Promise<void>>): Promise<void> {
    const { dice, plan } = this;
    while (!this.leaving && session.endReason === undefined) {
      const action = dice.choose(ACTIONS);
      if (action === 'close') return;
      const done = this.act(action, session, book).catch((error: unknown) => {
        if (!isNnrpError(error)) this.faults.note(action, error);
      });
      work.add(done);
      void done.then(() => work.delete(done));
      await sleep(plan.pauseMs * 2 * dice.next());
    }
  }

  private async act(action: Exclude<Action, 'close'>, session: NnrpClientSession, book: SessionBook): Promise<void> {
    const { dice } = this;
    switch (action) {
      case 'echo':
        return this.finish(await this.submit(session, book, `echo ${'x'.repeat(dice.below(400))}`));
      case 'later':
        return this.finish(await this.submit(session, book, `later ${dice.below(30)}`));
      case 'fail':
      case 'drop':
        return this.finish(await this.submit(session, book, action));
      case 'stream': {
        const operation = await this.submit(session, book, `stream ${dice.below(60)} ${dice.below(512)}`);
        return this.readStream(operation);
      }
      case 'left': {
        const operation = await this.submit(session, book, 'stream 30 100');
        for await (const _ of operation) break;
        return this.finish(operation);
      }
      case 'cancel': {
        const operation = await this.submit(session, book, dice.chance(0.5) ? 'hold' : 'stream 200 200');
        await sleep(dice.below(40));
        operation.cancel();
        return;
      }
      case 'deadline':
        return this.finish(await this.submit(session, book, 'hold', 5 + dice.below(60)));
      case 'burst':
        await Promise.all(
          Array.from({ length: 6 }, async () => this.finish(await this.submit(session, book, 'echo burst'))),
        );
        return;
      default:
        return this.rare(action, session);
    }
  }

  private async rare(action: Exclude<Rare, 'burst' | 'close'>, session: NnrpClientSession): Promise<void> {
    const { dice } = this;
    switch (action) {
      case 'patch': {
        const tier = dice.below(8);
        const { effectiveQualityTier } = await session.patch({ qualityTier: tier });
        if (effectiveQualityTier !== tier) this.faults.note('patch', `asked for ${tier}, got ${effectiveQualityTier}`);
        return;
      }
      case 'put': {
        const object = {
          namespace: dice.below(3),
          key: BigInt(dice.below(40)),
          kind: CacheObjectKind.ReusableResultObject,
          ttlMs: dice.below(2000),
        };
        await session.putObject(object, new Uint8Array(dice.below(4000)));
        return;
      }
      case 'forget':
        return session.invalidateObjects({
          scope: CacheInvalidateScope.ObjectKind,
          namespace: dice.below(3),
          kind: CacheObjectKind.ReusableResultObject,
        });
      default:
        session.sendFlowUpdate({ updateReason: UpdateReason.Pause });
        await sleep(dice.below(50));
        session.sendFlowUpdate({ updateReason: UpdateReason.Resume });
    }
  }

  private async submit(
    session: NnrpClientSession,
    book: SessionBook,
    body: string,
    deadlineMs?: number,
  ): Promise<ClientOperation> {
    const submitted = session.submit(body, deadlineMs === undefined ? {} : { deadlineMs });
    submitted.catch((error: unknown) => book.submitFailed(error));
    const operation = await submitted;
    book.submitted(operation.frameId);
    return operation;
  }

  private async finish(operation: ClientOperation): Promise<void> {
    await operation.result();
  }

  /** Each partial result is there once and in its place. */
  private async readStream(operation: ClientOperation): Promise<void> {
    let next = 0;
    for await (const result of operation) {
      if (result.partial) {
        const { buffer, byteOffset } = result.body;
        if (new DataView(buffer, byteOffset).getUint32(0, true) !== next) this.totals.partialsAstray++;
        next++;
      } else if (result.text() !== `stream ${next}`) this.totals.partialsAstray++;
    }
  }
}
