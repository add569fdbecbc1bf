import type { NnrpError } from 'nnrp-core';
import { OperationState } from 'nnrp-core/preview3';
import { described } from '../../base/application/described.js';
import { crash } from '../../base/guard.js';
import type {
  NnrpCancel,
  NnrpClose,
  NnrpMigration,
  NnrpPatch,
  ServerSessionEvent,
} from '../contract/server-messages.js';
import type { SessionReceiver } from '../inbox/session-receiver.js';
import type { Operation } from '../operation/operation.js';
import type { SessionLine } from '../scheduling/connection-share.js';
import type { ServerSession } from '../session/server-session.js';
import type { MessageHandlers } from './message-handlers.js';

const READY: Promise<void> = Promise.resolve();

/** The handlers of an application, for the sessions that it serves. */
export interface SessionHandlers {
  /** The handlers of everything but submits. */
  readonly messages: MessageHandlers;
  submit(operation: Operation, session: ServerSession, line: SessionLine): void;
  /** The operation is over, whatever its handler does. */
  withdraw(operation: Operation): void;
  suspended(operation: Operation): void;
  handlerBack(operation: Operation): Promise<void> | undefined;
  ended(session: ServerSession, line: SessionLine, reason: NnrpError): void;
}

/** One session whose messages go to the handlers. */
export class ServedSession implements SessionReceiver {
  /** Patches are answered one after the other, and so are migrations: nothing in an answer says what it is for. */
  private patchTurn: Promise<unknown> = READY;
  /** Resolves when every migration has its answer. */
  private migrations: Promise<unknown> = READY;

  constructor(
    private readonly session: ServerSession,
    private readonly handlers: SessionHandlers,
    private readonly line: SessionLine,
  ) {}

  submit(operation: Operation): void {
    this.handlers.submit(operation, this.session, this.line);
    if (operation.state === OperationState.Accepted && !operation.isOver) this.session.queued.add(operation);
  }

  withdraw(operation: Operation): void {
    this.session.queued.remove(operation);
    this.handlers.withdraw(operation);
  }

  suspended(operation: Operation): void {
    this.handlers.suspended(operation);
  }

  handlerBack(operation: Operation): Promise<void> | undefined {
    return this.handlers.handlerBack(operation);
  }

  cancel(cancel: NnrpCancel): void {
    this.handlers.messages.cancel(cancel, this.session);
  }

  patch(patch: NnrpPatch): void {
    this.patchTurn = this.answered(
      this.patchTurn.then(() => this.handlers.messages.patch(described(patch), this.session)),
    );
  }

  migrate(migration: NnrpMigration): void {
    this.migrations = this.answered(
      this.migrations.then(() => this.handlers.messages.migrate(described(migration), this.session)),
    );
  }

  /** Resolves however it ends: what comes later must not wait in vain. */
  private answered(answer: Promise<void>): Promise<void> {
    return answer.catch((error: unknown) => crash(this.session.connection, error));
  }

  close(close: NnrpClose): void {
    this.handlers.messages.close(described(close), this.session, Promise.all([this.patchTurn, this.migrations]));
  }

  event(event: ServerSessionEvent): void {
    this.handlers.messages.event(described(event), this.session);
  }

  ended(reason: NnrpError): void {
    this.handlers.ended(this.session, this.line, reason);
  }
}
