import { isSameFailure, type NnrpError } from 'nnrp-core';
import { SessionPatchRejectReason } from 'nnrp-core/preview3';
import type { ApplicationContext } from '../../base/application/application-context.js';
import { described } from '../../base/application/described.js';
import { crash, guard } from '../../base/guard.js';
import { ignoreRejectionsWithin, isThenable, settledOnce } from '../../base/thenable.js';
import { within } from '../../base/time/within.js';
import type { MigrateAckInit, PatchAckInit } from '../contract/contract.js';
import type { HandlerFailure } from '../contract/server-events.js';
import type {
  NnrpCancel,
  NnrpClose,
  NnrpMigration,
  NnrpPatch,
  ServerSessionEvent,
} from '../contract/server-messages.js';
import { type FrameFailure, failureOnPurpose, handlerFailure } from '../failures/frame-failure.js';
import { retainedBytes } from '../inbox/session-inbox.js';
import type { ServerSession } from '../session/server-session.js';
import type { ServeHandlers } from './serve-handlers.js';

/** Milliseconds that a close handler may take, unless the client gives more; then the close is confirmed without it. */
const CLOSE_HANDLER_MS = 4_000;
/** What a handler that runs costs besides the message that it was given (measured, rounded up). */
const HANDLER_BYTES = 1024;

/** What the handlers of messages need of the server. */
export interface MessageHandlersOwner {
  /** Whether clients are told what a handler has thrown. */
  readonly exposesErrors: boolean;
  handlerFailed(failure: HandlerFailure): void;
}

/** Runs the handlers of everything but submits: requests get their answer, and the rest is told. */
export class MessageHandlers {
  constructor(
    private readonly handlers: ServeHandlers,
    /** Where the application handed them over. */
    private readonly context: ApplicationContext,
    private readonly owner: MessageHandlersOwner,
  ) {}

  /** The session is served from now on. */
  attended(session: ServerSession): void {
    const { session: opened } = this.handlers;
    if (opened === undefined) return;
    const hold = (bytes: number) => session.queued.holdForSession(bytes);
    this.aside(session, 0, HANDLER_BYTES, () => opened.call(this.handlers, session.handle), hold);
  }

  cancel(cancel: NnrpCancel, session: ServerSession): void {
    const { handlers } = this;
    if (handlers.cancel !== undefined)
      this.aside(session, cancel.frameId, HANDLER_BYTES, () => handlers.cancel?.(cancel, session.handle));
  }

  /** Resolves when the patch has its answer: answers carry no id, so the next patch has to wait. */
  async patch(patch: NnrpPatch, session: ServerSession): Promise<void> {
    const { handlers } = this;
    const refusal: PatchAckInit = { rejectReason: SessionPatchRejectReason.UnsupportedField };
    await this.answer<PatchAckInit>(
      session,
      refusal,
      () => handlers.patch?.(patch, session.handle),
      (ack) => session.handle.sendPatchAck(ack),
      (failure) => session.patches.failed(patch, failure),
    );
  }

  async migrate(migration: NnrpMigration, session: ServerSession): Promise<void> {
    const { handlers } = this;
    await this.answer<MigrateAckInit>(
      session,
      {},
      () => {
        if (handlers.migrate === undefined) return session.migrations.undecided(migration);
        return handlers.migrate(migration, session.handle);
      },
      (ack) => session.handle.sendMigrateAck(migration, ack),
      (failure) => session.migrations.failed(migration, failure),
    );
  }

  /** @param answered - resolves when the requests that came before have their answers */
  close(close: NnrpClose, session: ServerSession, answered: Promise<unknown>): void {
    const { handlers } = this;
    // A handler that does not come back must not keep the client for longer than both sides are willing to wait.
    const patienceMs = Math.max(close.metadata.drainTimeoutMs, CLOSE_HANDLER_MS);
    const closing = this.context.run(async () => handlers.close?.(close, session.handle));
    const heard = closing.catch((error: unknown) => this.failedAside(session, 0, error));
    const confirm = async () => {
      await within(session.connection, Promise.all([answered, heard]), patienceMs);
      if (!session.isOver) await session.handle.ackClose(close);
    };
    // What fails now is not the application's: a client that waits for its answer must see an end.
    confirm().catch((error: unknown) => {
      if (!session.isOver) crash(session.connection, error);
    });
  }

  /**
   * Every request gets an answer: the handler's, the refusal when there is no handler, or the failure of either.
   *
   * @param fail - false when the client has its answer already
   */
  private async answer<Ack>(
    session: ServerSession,
    fallback: Ack,
    ask: () => Ack | PromiseLike<Ack> | undefined,
    send: (ack: Ack) => Promise<void>,
    fail: (failure: FrameFailure) => boolean,
  ): Promise<void> {
    try {
      const ack = (await this.context.run(ask)) ?? fallback;
      if (!session.isOver) await send(ack);
    } catch (error) {
      const onPurpose = failureOnPurpose(error);
      const isTold = !session.isOver && fail(onPurpose ?? handlerFailure(error, this.owner.exposesErrors));
      if (!isTold || onPurpose === undefined) this.failedAside(session, 0, error);
    }
  }

  event(event: ServerSessionEvent, session: ServerSession): void {
    const { handlers } = this;
    const cached = event.type === 'cachePut' || event.type === 'cacheInvalidate';
    if ((cached ? handlers.cache : handlers.event) === undefined) return;
    described(event);
    const bytes = HANDLER_BYTES + retainedBytes(event);
    if (cached) this.aside(session, 0, bytes, () => handlers.cache?.(event, session.handle));
    else this.aside(session, 0, bytes, () => handlers.event?.(event, session.handle));
  }

  ended(session: ServerSession, reason: NnrpError): void {
    const { handlers } = this;
    if (handlers.ended === undefined) return;
    const own = session.endReason ?? reason;
    this.aside(session, 0, HANDLER_BYTES, () => handlers.ended?.(session.handle, own));
  }

  /**
   * Runs a handler whose failure must end nothing else. The client decides how many run at once, so what they hold counts as what
   * waits in the session, after its end, too: of a client that has too much of it no more is read until some are done.
   *
   * @param bytes - that it holds as long as it runs
   * @param hold - counts them, and gives them back
   */
  private aside(
    session: ServerSession,
    frameId: number,
    bytes: number,
    handler: () => unknown,
    hold = (held: number) => session.queued.holdForHandler(held),
  ): void {
    const failed = (error: unknown) => this.failedAside(session, frameId, error);
    try {
      const outcome = this.context.run(handler);
      if (!isThenable(outcome)) return;
      hold(bytes);
      const done = () => guard(session.connection, () => hold(-bytes));
      settledOnce(outcome)
        .then(undefined, (error: unknown) => guard(session.connection, () => failed(error)))
        .then(done);
    } catch (error) {
      failed(error);
    }
  }

  private failedAside(session: ServerSession, frameId: number, error: unknown): void {
    if (session.isOver && isSameFailure(error, session.endReason)) return;
    ignoreRejectionsWithin(error, 0);
    this.owner.handlerFailed({ sessionId: session.sessionId, frameId, error });
  }
}
