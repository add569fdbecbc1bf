import type { NnrpError } from 'nnrp-core';
import { OperationState } from 'nnrp-core/preview3';
import { described } from '../base/described.js';
import { crash } from '../base/guard.js';
import type { Operation } from './operation.js';
import type { SessionLine } from './scheduling/connection-share.js';
import type { NnrpCancel, NnrpClose, NnrpMigration, NnrpPatch, ServerSessionEvent } from './server-messages.js';
import type { SessionCore } from './session-core.js';
import type { SessionReceiver } from './session-receiver.js';

const READY: Promise<void> = Promise.resolve();

/** The handlers of an application, for the sessions that it serves. */
export interface SessionHandlers {
  submit(operation: Operation, core: SessionCore, line: SessionLine): void;
  /** The operation is over, whatever its handler does. */
  withdraw(operation: Operation): void;
  suspended(operation: Operation): void;
  resumed(operation: Operation): Promise<void> | undefined;
  cancel(cancel: NnrpCancel, core: SessionCore): void;
  /** Resolves when the patch has its answer: answers carry no id, so the next patch has to wait. */
  patch(patch: NnrpPatch, core: SessionCore): Promise<void>;
  migrate(migration: NnrpMigration, core: SessionCore): Promise<void>;
  /** @param answered - resolves when the requests that came before have their answers */
  close(close: NnrpClose, core: SessionCore, answered: Promise<unknown>): void;
  event(event: ServerSessionEvent, core: SessionCore): void;
  ended(core: SessionCore, line: SessionLine, reason: NnrpError): void;
}

/** One session whose messages go to the handlers. */
export class AttendedSession implements SessionReceiver {
  /** Patches are answered one after the other, and so are migrations: nothing in an answer says what it is for. */
  private patchTurn: Promise<unknown> = READY;
  /** Resolves when every migration has its answer. */
  private migrations: Promise<unknown> = READY;

  constructor(
    private readonly core: SessionCore,
    private readonly handlers: SessionHandlers,
    private readonly line: SessionLine,
  ) {}

  submit(operation: Operation): void {
    this.handlers.submit(operation, this.core, this.line);
    if (operation.state === OperationState.Accepted && !operation.isOver) this.core.queued.add(operation);
  }

  withdraw(operation: Operation): void {
    this.core.queued.remove(operation);
    this.handlers.withdraw(operation);
  }

  suspended(operation: Operation): void {
    this.handlers.suspended(operation);
  }

  resumed(operation: Operation): Promise<void> | undefined {
    return this.handlers.resumed(operation);
  }

  cancel(cancel: NnrpCancel): void {
    this.handlers.cancel(cancel, this.core);
  }

  patch(patch: NnrpPatch): void {
    this.patchTurn = this.answered(this.patchTurn.then(() => this.handlers.patch(described(patch), this.core)));
  }

  migrate(migration: NnrpMigration): void {
    this.migrations = this.answered(this.migrations.then(() => this.handlers.migrate(described(migration), this.core)));
  }

  /** Resolves however it ends: what comes later must not wait in vain. */
  private answered(answer: Promise<void>): Promise<void> {
    return answer.catch((error: unknown) => crash(this.core.connection, error));
  }

  close(close: NnrpClose): void {
    this.handlers.close(described(close), this.core, Promise.all([this.patchTurn, this.migrations]));
  }

  event(event: ServerSessionEvent): void {
    this.handlers.event(described(event), this.core);
  }

  ended(reason: NnrpError): void {
    this.handlers.ended(this.core, this.line, reason);
  }
}
