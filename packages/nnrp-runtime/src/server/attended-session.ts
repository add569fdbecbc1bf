import type { NnrpError } from 'nnrp-core';
import type { OperationContext } from './operation-context.js';
import type { ServeLoop } from './serve-loop.js';
import type { NnrpCancel, NnrpClose, NnrpMigration, NnrpPatch, SessionEvent } from './server-messages.js';
import type { SessionCore } from './session-core.js';
import type { SessionReceiver } from './session-ports.js';

/** One session whose messages go to the handlers. */
export class AttendedSession implements SessionReceiver {
  constructor(
    private readonly core: SessionCore,
    private readonly loop: ServeLoop,
  ) {}

  submit(operation: OperationContext): void {
    this.loop.submit(operation, this.core);
  }

  withdraw(operation: OperationContext): void {
    this.loop.withdraw(operation, this.core);
  }

  cancel(cancel: NnrpCancel): void {
    this.loop.cancel(cancel, this.core);
  }

  patch(patch: NnrpPatch): void {
    this.loop.patch(patch, this.core);
  }

  migrate(migration: NnrpMigration): void {
    this.loop.migrate(migration, this.core);
  }

  close(close: NnrpClose): void {
    this.loop.close(close, this.core);
  }

  event(event: SessionEvent): void {
    this.loop.event(event, this.core);
  }

  ended(reason: NnrpError): void {
    this.loop.ended(this.core, reason);
  }
}
