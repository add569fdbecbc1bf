import {
  type Attributes,
  type Context,
  context,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  type Tracer,
  trace,
} from '@opentelemetry/api';
import type {
  CallSubmitMessage,
  OperationContext,
  OperationEndMessage,
  OperationStartMessage,
  SubmitMessage,
} from 'nnrp-runtime';
import { callOf, replaceCallMetadata } from 'nnrp-runtime/calls';
import { contextOfMetadata, setContext } from './call-context.js';
import { foldedTraceId, unfoldedContext } from './trace-id.js';

/** What is looked at of an operation of a server. */
interface ServedOperation {
  readonly traceId: bigint;
  readonly session: { readonly remoteAddress: string };
}

/** Outcomes that are no failure: the work was not wanted any more. */
const NOT_WANTED: readonly string[] = ['cancelled', 'NNRP_ERR_CANCELLED'];

/** One span for each operation on each end. */
export class OperationSpans {
  private readonly contexts = new WeakMap<object, Context>();
  private readonly calls = new WeakMap<CallSubmitMessage, Span>();
  private readonly submits = new WeakMap<SubmitMessage, Span>();

  constructor(private readonly tracer: Tracer) {}

  /** The context in which the operation is worked on. */
  contextOf(operation: object): Context | undefined {
    return this.contexts.get(operation);
  }

  /** A call has its span before it is written: the span goes along, in its metadata. */
  called(message: CallSubmitMessage): void {
    const { route, metadata } = message;
    const span = this.clientSpan({ 'rpc.method': String(route) }, parentOfCall(metadata));
    this.calls.set(message, span);
    setContext(metadata, span.spanContext());
  }

  /** In the context of the caller: what it traces is the parent. */
  submitted(message: SubmitMessage): void {
    const span = (message.call && this.calls.get(message.call)) ?? this.clientSpan({}, context.active());
    span.setAttributes({ 'nnrp.session.id': message.sessionId, 'nnrp.request.size': message.bytes });
    this.submits.set(message, span);
    if (message.traceId === 0n) message.traceId = foldedTraceId(span.spanContext());
    if (message.traceId !== 0n) span.setAttribute('nnrp.trace_id', hex(message.traceId));
  }

  started({ role, operation, sessionId, frameId, bytes, submit }: OperationStartMessage): void {
    if (role === 'client') {
      const span = submit && this.submits.get(submit);
      if (span === undefined) return;
      span.setAttribute('nnrp.frame.id', frameId);
      this.contexts.set(operation, trace.setSpan(ROOT_CONTEXT, span));
      return;
    }
    const { traceId, session } = operation as ServedOperation;
    const call = callOf(operation as OperationContext);
    const remote = (call && contextOfMetadata(call.metadata)) ?? unfoldedContext(traceId);
    const parent = remote === undefined ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, remote);
    const attributes = {
      'rpc.system.name': 'nnrp',
      'nnrp.session.id': sessionId,
      'nnrp.frame.id': frameId,
      'nnrp.request.size': bytes,
      'client.address': session.remoteAddress,
      ...(call !== undefined && { 'rpc.method': String(call.route) }),
      ...(traceId !== 0n && { 'nnrp.trace_id': hex(traceId) }),
    };
    const span = this.tracer.startSpan('nnrp submit', { kind: SpanKind.SERVER, attributes }, parent);
    this.contexts.set(operation, trace.setSpan(parent, span));
    if (call === undefined) return;
    // What the handler passes on, to a model server for one, is a child of its own span.
    const metadata = { ...call.metadata };
    setContext(metadata, span.spanContext());
    replaceCallMetadata(operation as OperationContext, metadata);
  }

  ended({ operation, submit, outcome }: OperationEndMessage): void {
    const own = operation && this.contexts.get(operation);
    const span = own === undefined ? submit && this.submits.get(submit) : trace.getSpan(own);
    if (span === undefined) return;
    span.setAttribute('nnrp.outcome', outcome);
    if (outcome !== 'completed') {
      span.setAttribute('error.type', outcome);
      if (!NOT_WANTED.includes(outcome)) span.setStatus({ code: SpanStatusCode.ERROR, message: outcome });
    }
    span.end();
  }

  private clientSpan(attributes: Attributes, parent: Context): Span {
    const own = { 'rpc.system.name': 'nnrp', ...attributes };
    return this.tracer.startSpan('nnrp submit', { kind: SpanKind.CLIENT, attributes: own }, parent);
  }

  /** Runs work on an operation where its span is the active one. */
  within<Result>(operation: object, work: () => Result): Result {
    const own = this.contexts.get(operation);
    return own === undefined ? work() : context.with(own, work);
  }
}

/**
 * The parent of a call's span: the span that is active where the call is made. When the application has put the context of another
 * trace into the metadata, it is that one: a gateway has it from its own caller.
 */
function parentOfCall(metadata: Readonly<Record<string, string>>): Context {
  const active = context.active();
  const given = contextOfMetadata(metadata);
  if (given === undefined || trace.getSpanContext(active)?.traceId === given.traceId) return active;
  return trace.setSpanContext(active, given);
}

function hex(traceId: bigint): string {
  return traceId.toString(16).padStart(16, '0');
}
