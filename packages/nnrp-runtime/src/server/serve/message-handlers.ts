import { isSameFailure, type NnrpError } from 'nnrp-core';
import { SessionPatchRejectReason } from 'nnrp-core/preview3';
import type { ApplicationContext } from '../../base/application/application-context.js';
import { described } from '../../base/application/described.js';
import { crash, guard } from '../../base/guard.js';
import { isThenable, settledOnce } from '../../base/thenable.js';
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
import type { SessionCore } from '../session/session-core.js';
import type { ServeHandlers } from './serve-handlers.js';

/** Milliseconds that a close handler may take, unless the client gives more; then the close is confirmed without it. */
const CLOSE_HANDLER_MS = 4_000;

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
  attended(core: SessionCore): void {
    const { session } = this.handlers;
    if (session !== undefined) this.aside(core, 0, () => session.call(this.handlers, core.session));
  }

  cancel(cancel: NnrpCancel, core: SessionCore): void {
    const { handlers } = this;
    if (handlers.cancel !== undefined) this.aside(core, cancel.frameId, () => handlers.cancel?.(cancel, core.session));
  }

  /** Resolves when the patch has its answer: answers carry no id, so the next patch has to wait. */
  async patch(patch: NnrpPatch, core: SessionCore): Promise<void> {
    const { handlers } = this;
    const refusal: PatchAckInit = { rejectReason: SessionPatchRejectReason.UnsupportedField };
    await this.answer<PatchAckInit>(
      core,
      refusal,
      () => handlers.patch?.(patch, core.session),
      (ack) => core.session.sendPatchAck(ack),
      (failure) => core.patches.failed(patch, failure),
    );
  }

  async migrate(migration: NnrpMigration, core: SessionCore): Promise<void> {
    const { handlers } = this;
    await this.answer<MigrateAckInit>(
      core,
      {},
      () => handlers.migrate?.(migration, core.session),
      (ack) => core.session.sendMigrateAck(migration, ack),
      (failure) => core.migrations.failed(migration, failure),
    );
  }

  /** @param answered - resolves when the requests that came before have their answers */
  close(close: NnrpClose, core: SessionCore, answered: Promise<unknown>): void {
    const { handlers } = this;
    // A handler that does not come back must not keep the client for longer than both sides are willing to wait.
    const patienceMs = Math.max(close.metadata.drainTimeoutMs, CLOSE_HANDLER_MS);
    const closing = this.context.run(async () => handlers.close?.(close, core.session));
    const heard = closing.catch((error: unknown) => this.failedAside(core, 0, error));
    const confirm = async () => {
      await within(core.connection, Promise.all([answered, heard]), patienceMs);
      if (!core.isOver) await core.session.ackClose(close);
    };
    // What fails now is not the application's: a client that waits for its answer must see an end.
    confirm().catch((error: unknown) => {
      if (!core.isOver) crash(core.connection, error);
    });
  }

  /**
   * Every request gets an answer: the handler's, the refusal when there is no handler, or the failure of either.
   *
   * @param fail - false when the client has its answer already
   */
  private async answer<Ack>(
    core: SessionCore,
    refusal: Ack,
    ask: () => Ack | PromiseLike<Ack> | undefined,
    send: (ack: Ack) => Promise<void>,
    fail: (failure: FrameFailure) => boolean,
  ): Promise<void> {
    try {
      const ack = (await this.context.run(ask)) ?? refusal;
      if (!core.isOver) await send(ack);
    } catch (error) {
      const onPurpose = failureOnPurpose(error);
      const isTold = !core.isOver && fail(onPurpose ?? handlerFailure(error, this.owner.exposesErrors));
      if (!isTold || onPurpose === undefined) this.failedAside(core, 0, error);
    }
  }

  event(event: ServerSessionEvent, core: SessionCore): void {
    const { handlers } = this;
    const cached = event.type === 'cachePut' || event.type === 'cacheInvalidate';
    if ((cached ? handlers.cache : handlers.event) === undefined) return;
    described(event);
    if (cached) this.aside(core, 0, () => handlers.cache?.(event, core.session));
    else this.aside(core, 0, () => handlers.event?.(event, core.session));
  }

  ended(core: SessionCore, reason: NnrpError): void {
    const { handlers } = this;
    if (handlers.ended !== undefined) this.aside(core, 0, () => handlers.ended?.(core.session, reason));
  }

  /** Runs a handler whose failure must end nothing else. */
  private aside(core: SessionCore, frameId: number, handler: () => unknown): void {
    try {
      const outcome = this.context.run(handler);
      if (isThenable(outcome))
        settledOnce(outcome).then(undefined, (error: unknown) =>
          guard(core.connection, () => this.failedAside(core, frameId, error)),
        );
    } catch (error) {
      this.failedAside(core, frameId, error);
    }
  }

  private failedAside(core: SessionCore, frameId: number, error: unknown): void {
    if (core.isOver && isSameFailure(error, core.endReason)) return;
    this.owner.handlerFailed({ sessionId: core.sessionId, frameId, error });
  }
}
