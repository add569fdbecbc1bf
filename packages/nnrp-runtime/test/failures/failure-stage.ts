import * as preview3 from 'nnrp-core/preview3';
import type { ClientOperation } from '../../src/client/results/client-operation.js';
import type { NnrpClientSession } from '../../src/client/session/client-session.js';
import type { OperationContext } from '../../src/server/contract/contract.js';
import type { NnrpServerPolicy } from '../../src/server/contract/policy.js';
import type { NnrpServerOptions } from '../../src/server/contract/server-config.js';
import { HandlerError } from '../../src/server/failures/handler-error.js';
import type { ServeOptions } from '../../src/server/serve/serve-options.js';
import type { OpenSession, Stage } from '../support/stage.js';

export const {
  CancelScope,
  CloseReason,
  ErrorCode,
  InFlightPolicy,
  MessageType,
  SessionErrorCode,
  SessionStatus,
  TransportId,
} = preview3;

/** What the handler of the row says that throws on purpose. */
export const ON_PURPOSE = {
  code: 'quota_used_up',
  message: `no tokens left for this month: ${'потрачено '.repeat(40)}`,
  details: { quota: 1000, used: 1000, until: ['2026-12-01'] },
};

/** How an operation fails. @throws Error when it does not */
export async function failureOf(operation: ClientOperation): Promise<unknown> {
  return operation.result().then(
    () => {
      throw new Error('the operation has a result');
    },
    (error: unknown) => error,
  );
}

export function onPurpose(): HandlerError {
  const { code, message, details } = ON_PURPOSE;
  return new HandlerError(code, message, { details, retryAfterMs: 60_000 });
}

export function policy(validateSessionOpen: NnrpServerPolicy['validateSessionOpen']): NnrpServerOptions {
  return { applicationPolicy: { validateSessionOpen } };
}

export type Handled = Pick<OpenSession, 'server' | 'client'> & { readonly session: NnrpClientSession };

export async function handled(
  stage: Stage,
  submit: (operation: OperationContext) => Promise<void>,
  config: NnrpServerOptions = {},
  limits: ServeOptions = {},
): Promise<Handled> {
  const { server, client } = await stage.pair({ drainTimeoutMs: 0, ...config });
  void server.serve({ submit }, limits);
  return { server, client, session: await client.openSession({ defaultDeadlineMs: 0 }) };
}

/** A server whose handler for patches and migrations fails. */
export async function asked(stage: Stage, fail: () => Promise<never>): Promise<Handled> {
  const { server, client } = await stage.pair();
  void server.serve({ submit: () => '', patch: fail, migrate: fail });
  return { server, client, session: await client.openSession() };
}

export interface Operations {
  /** The next operation that its handler works on, and will for ever. */
  next(): Promise<OperationContext>;
}

/** A server that answers nothing by itself. */
export async function held(
  stage: Stage,
  config: NnrpServerOptions = {},
  open: { maxInFlightOperations?: number } = {},
): Promise<Handled & { readonly operations: Operations }> {
  const { server, client } = await stage.pair({ drainTimeoutMs: 0, ...config });
  const started: OperationContext[] = [];
  let arrived: () => void = () => {};
  void server.serve({
    submit: (operation) => {
      started.push(operation);
      arrived();
      return operation.finished;
    },
  });
  const next = async (): Promise<OperationContext> => {
    if (started.length === 0) {
      await new Promise<void>((resolve) => {
        arrived = resolve;
      });
    }
    return started.shift() as OperationContext;
  };
  const session = await client.openSession({ defaultDeadlineMs: 0, ...open });
  return { server, client, session, operations: { next } };
}

export async function refusalBy(
  stage: Stage,
  config: NnrpServerOptions,
  open: { maxInFlightOperations?: number } = {},
): Promise<unknown> {
  const { client } = await stage.pair(config);
  return client.openSession(open).then(
    () => {
      throw new Error('the session was opened');
    },
    (error: unknown) => error,
  );
}
