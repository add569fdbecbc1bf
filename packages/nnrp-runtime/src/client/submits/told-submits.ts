import { OPERATION_END, OPERATION_RESULT, OPERATION_START, OPERATION_SUBMIT } from '../../base/diagnostics/channels.js';
import type { SubmitMessage } from '../../base/diagnostics/messages.js';
import type { SubmitOptions } from './submit-options.js';

/** Options of a submit that was told of, with what was said. */
export interface ToldOptions extends SubmitOptions {
  readonly told?: SubmitMessage | undefined;
}

/** Tells whoever listens, who may give the submit a trace id. @param options - that have been checked */
export function tellSubmit(
  sessionId: number,
  bytes: number,
  options: SubmitOptions | undefined,
): ToldOptions | undefined {
  if (!OPERATION_SUBMIT.hasSubscribers) return options;
  const { signal, deadlineMs, metadata, traceId: given = 0n, onBlocked } = options ?? {};
  const told: SubmitMessage = { sessionId, bytes, traceId: given };
  OPERATION_SUBMIT.publish(told);
  const { traceId } = told;
  const fits = typeof traceId === 'bigint' && BigInt.asUintN(64, traceId) === traceId;
  return { signal, deadlineMs, metadata, onBlocked, traceId: fits ? traceId : given, told };
}

/** The submit has left. */
export function tellStart(
  operation: { readonly frameId: number },
  sessionId: number,
  bytes: number,
  options?: ToldOptions,
): void {
  if (!OPERATION_START.hasSubscribers) return;
  const { frameId } = operation;
  OPERATION_START.publish({ role: 'client', operation, sessionId, frameId, bytes, submit: options?.told });
}

/** A result has come for what is waited for. */
export function tellResult(
  operation: { readonly isOver: boolean },
  { partial }: { readonly partial: boolean },
  bytes: number,
): void {
  if (OPERATION_RESULT.hasSubscribers && !operation.isOver)
    OPERATION_RESULT.publish({ role: 'client', operation, bytes, partial });
}

/** The submit never left. */
export function tellUnsent(options: ToldOptions | undefined, error: unknown): void {
  const submit = options?.told;
  if (submit === undefined || !OPERATION_END.hasSubscribers) return;
  const { code } = error as { code?: unknown };
  OPERATION_END.publish({ role: 'client', submit, outcome: typeof code === 'string' ? code : 'NNRP_ERR', error });
}
