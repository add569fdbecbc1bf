import type { NnrpError } from 'nnrp-core';
import type {
  NnrpCancel,
  NnrpClose,
  NnrpMigration,
  NnrpPatch,
  ServerSessionEvent,
} from '../contract/server-messages.js';
import type { Operation } from '../operation/operation.js';

/** What takes the messages of a session: its inbox, until a serve loop does. */
export interface SessionReceiver {
  submit(operation: Operation): void;
  cancel(cancel: NnrpCancel): void;
  patch(patch: NnrpPatch): void;
  migrate(migration: NnrpMigration): void;
  close(close: NnrpClose): void;
  /** Whatever else has come, already dealt with. */
  event(event: ServerSessionEvent): void;
  /** What the operation sends is held back because its client wants nothing now; then again that it goes on. */
  suspended?(operation: Operation): void;
  /** @returns what to wait for before it goes on: a place; undefined when it has one or needs none */
  handlerBack?(operation: Operation): Promise<void> | undefined;
  /** The operation is over before it was taken. */
  withdraw(operation: Operation): void;
  ended(reason: NnrpError): void;
}
