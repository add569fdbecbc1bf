import type { NnrpError } from 'nnrp-core';
import { OperationState } from 'nnrp-core/preview3';
import { described } from '../base/described.js';
import { crash } from '../base/guard.js';
import type { OperationContext } from './operation-context.js';
import type { SessionLine } from './scheduling/connection-share.js';
import type { ServeLoop } from './serve-loop.js';
import type { NnrpCancel, NnrpClose, NnrpMigration, NnrpPatch, SessionEvent } from './server-messages.js';
import type { SessionCore } from './session-core.js';
import type { SessionReceiver } from './session-ports.js';

const READY: Promise<void> = Promise.resolve();

/** One session whose messages go to the handlers. */
export class AttendedSession implements SessionReceiver {
  /** Patches are answered one after the other, and so are migrations: nothing in an answer says what it is for. */
  private patchTurn: Promise<unknown> = READY;
  /** Resolves when every migration has its answer. */
  private migrations: Promise<unknown> = READY;

  constructor(
    private readonly core: SessionCore,
    private readonly loop: ServeLoop,
    private readonly line: SessionLine,
  ) {}

  submit(operation: OperationContext): void {
    this.loop.submit(operation, this.core, this.line);
    if (operation.state === OperationState.Accepted && !operation.isOver) this.core.queued.add(operation);
  }

  withdraw(operation: OperationContext): void {
    this.core.queued.remove(operation);
    this.loop.withdraw(operation);
  }

  suspended(operation: OperationContext): void {
    this.loop.suspended(operation);
  }

  resumed(operation: OperationContext): Promise<void> | undefined {
    return this.loop.resumed(operation);
  }

  cancel(cancel: NnrpCancel): void {
    this.loop.cancel(cancel, this.core);
  }

  patch(patch: NnrpPatch): void {
    this.patchTurn = this.answered(this.patchTurn.then(() => this.loop.patch(described(patch), this.core)));
  }

  migrate(migration: NnrpMigration): void {
    this.migrations = this.answered(this.migrations.then(() => this.loop.migrate(described(migration), this.core)));
  }

  /** Resolves however it ends: what comes later must not wait in vain. */
  private answered(answer: Promise<void>): Promise<void> {
    return answer.catch((error: unknown) => crash(this.core.connection, error));
  }

  close(close: NnrpClose): void {
    this.loop.close(described(close), this.core, Promise.all([this.patchTurn, this.migrations]));
  }

  event(event: SessionEvent): void {
    this.loop.event(described(event), this.core);
  }

  ended(reason: NnrpError): void {
    this.loop.ended(this.core, this.line, reason);
  }
}
