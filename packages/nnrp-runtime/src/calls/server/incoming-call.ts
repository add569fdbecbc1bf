import type { OperationContext } from '../../server/contract/contract.js';
import type { CallSchema, RequestEnvelope } from '../wire/envelope.js';
import type { CallMetadata } from '../wire/metadata.js';
import type { CallRoute } from '../wire/route.js';
import type { CallSteps } from '../wire/steps.js';

/** A call that has come: what handlers and interceptors get. */
export class IncomingCall<Body = unknown> {
  readonly #request: RequestEnvelope;
  /** The work behind it: session, priority, trace id, and all else. The router answers it. */
  readonly operation: OperationContext;
  /** What goes back beside the answer; as names and values are in `metadata`. Set it before the handler returns. */
  readonly answerMetadata = new Map<string, string>();

  /** Made by the router. */
  constructor(operation: OperationContext, request: RequestEnvelope) {
    this.operation = operation;
    this.#request = request;
  }

  get route(): CallRoute {
    return this.#request.route;
  }

  /** What the client has sent: a value that JSON can hold, or bytes, not copied. The type is the handler's word. */
  get body(): Body {
    return this.#request.body as Body;
  }

  /** What the client has put beside it. It may be anything: check it before use. */
  get metadata(): CallMetadata {
    return this.#request.metadata;
  }

  /** What the client calls this call, for logs; empty when it gave no name. */
  get requestId(): string {
    return this.#request.requestId;
  }

  /** Of which form it is: `nnrp-call/1`, or the profile `openai-compatible/1`. */
  get schema(): CallSchema {
    return this.#request.schema;
  }

  /** Aborts when the work is not wanted any more; see `OperationContext.signal`. */
  get signal(): AbortSignal {
    return this.operation.signal;
  }

  /** Milliseconds granted, 0 = any. */
  get deadlineMs(): number {
    return this.operation.deadlineMs;
  }
}

/**
 * Does the work of a call. It returns the body of the answer, itself or as a promise: what JSON can hold, bytes, or nothing. Or it
 * is a generator, async as a rule: what it yields are partial results, each sent when there is room for it, and what it
 * returns is the answer. A HandlerError tells the client why there is none.
 */
export type CallHandler<Body = unknown> = (call: IncomingCall<Body>) => unknown;

/** Stands around handlers. An async generator as a rule: `return yield* next(call)` passes everything on. */
export type ServerInterceptor = (
  call: IncomingCall,
  next: (call: IncomingCall) => CallSteps<unknown, unknown>,
) => CallSteps<unknown, unknown>;
