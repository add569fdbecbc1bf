import { isWireError, Packet, SchemaRegistry, type StateFault } from 'nnrp-core';
import {
  COMMON_HEADER_BYTES,
  type ConnectionOperationFault,
  ConnectionOperations,
  ConnectionSessions,
  decodeCommonHeader,
  decodeSchemaDescriptorHeader,
  decodeTypedPayloadDescriptor,
  TOKEN_DELTA_SCHEMA,
} from 'nnrp-core/preview4';
import type { JsonObject } from '../json/json-object.js';
import { RequestError } from '../json/request-error.js';
import { MAX_U8, MAX_U16, MAX_U32, type Members, membersAt } from './members.js';

const MACHINES = ['operations', 'lifecycle', 'schemas'] as const;
const OPERATION_STEPS = [
  'register',
  'transition',
  'state',
  'complete',
  'abort',
  'cancel',
  'schedule',
  'expire',
] as const;
const LIFECYCLE_STEPS = ['open_ack', 'close', 'close_ack', 'flow', 'close_connection'] as const;
const SCHEMA_STEPS = ['bind', 'install', 'invalidate'] as const;
const STATES = [0, 1, 2, 3, 4, 5, 6, 7] as const;
const SCOPES = [0, 1, 2, 3] as const;
/** Each step of a lifecycle tells of all sessions: what that makes grows with the square of the steps. */
const MAX_LIFECYCLE_STEPS = 1000;
const MIN_I16 = -0x8000;
const MAX_I16 = 0x7fff;

/** Outcomes as the vectors spell them. */
const OUTCOMES: Readonly<Record<string, string>> = { bound: 'ok', already_installed: 'alreadyinstalled' };

/**
 * Feeds the steps to a fresh machine. @param request - with `machine` and `steps`; of schemas also `standard`, whether the token delta
 * schema is there already
 * @returns one result for each step
 * @throws RequestError for what is no step
 */
export function runScript(request: Members): JsonObject {
  const machine = request.oneOf('machine', MACHINES);
  const steps = (step: (members: Members) => unknown) => ({ results: request.list('steps', membersAt(step)) });
  switch (machine) {
    case 'operations': {
      const operations = new ConnectionOperations();
      return steps((members) => operationStep(operations, members));
    }
    case 'lifecycle': {
      const sessions = new ConnectionSessions();
      const given = request.json['steps'];
      if (Array.isArray(given) && given.length > MAX_LIFECYCLE_STEPS) {
        const message = `steps: a lifecycle has at most ${MAX_LIFECYCLE_STEPS}, got ${given.length}`;
        throw new RequestError({ kind: 'bad_request', message });
      }
      return steps((members) => ({
        ...orFault(() => stateResult(lifecycleStep(sessions, members))),
        sessions: Object.fromEntries(sessions),
      }));
    }
    case 'schemas': {
      // Vectors are what the reference decides.
      const schemas = SchemaRegistry.byHash(request.flag('standard', false) ? [TOKEN_DELTA_SCHEMA] : []);
      return steps((members) => orFault(() => schemaStep(schemas, members)));
    }
  }
}

/** The result of a step; what is wrong with its bytes is one, too. */
function orFault(step: () => JsonObject): JsonObject {
  try {
    return step();
  } catch (error) {
    if (!isWireError(error)) throw error;
    return { error: { ...error.fault } };
  }
}

function operationStep(operations: ConnectionOperations, step: Members): unknown {
  const what = step.oneOf('do', OPERATION_STEPS);
  const operationId = step.u64('id');
  switch (what) {
    case 'register':
      return operationResult(
        operations.register({
          operationId,
          sessionId: step.number('session', MAX_U32),
          ...(step.has('parent') && { parentOperationId: step.u64('parent') }),
          ...(step.has('group') && { operationGroupId: step.u64('group') }),
        }),
      );
    case 'transition':
      return operationResult(operations.transition(operationId, step.oneOf('to', STATES)));
    case 'state':
      return { ok: operations.state(operationId) ?? null };
    case 'complete':
      return operationResult(operations.complete(operationId));
    case 'abort':
      return operationResult(operations.abort(operationId));
    case 'cancel': {
      const scope = step.oneOf('scope', SCOPES);
      const { cancelled, fault } = operations.cancel(step.number('session', MAX_U32), operationId, scope);
      return fault === undefined ? { ok: cancelled.map(String) } : operationResult(fault);
    }
    case 'schedule':
      return scheduled(operations, operationId, step);
    case 'expire': {
      const expired = operations.expire(operationId, step.u64('now_ms'));
      return typeof expired === 'boolean' ? { ok: expired } : operationResult(expired);
    }
  }
}

function scheduled(operations: ConnectionOperations, operationId: bigint, step: Members): unknown {
  const { schedule, fault } = operations.schedule(
    step.number('session', MAX_U32),
    step.number('message_type', MAX_U8),
    {
      operationId,
      controlSequence: step.u64('sequence'),
      priorityClass: step.number('priority_class', MAX_U16),
      priorityDelta: step.integer('priority_delta', MIN_I16, MAX_I16),
      deadlineUnixMs: step.u64('unix_ms'),
      flags: step.number('flags', MAX_U32),
    },
  );
  if (fault !== undefined) return operationResult(fault);
  return {
    ok: {
      priority_class: schedule.priorityClass,
      priority_delta: schedule.priorityDelta,
      deadline_unix_ms: String(schedule.deadlineUnixMs),
      expire_at_unix_ms: String(schedule.expireAtUnixMs),
      update_sequence: String(schedule.updateSequence),
      flags: schedule.flags,
    },
  };
}

function operationResult(fault: ConnectionOperationFault | undefined): JsonObject {
  if (fault === undefined) return { ok: 'ok' };
  return { error: 'operationId' in fault ? { kind: fault.kind, value: shownId(fault.operationId) } : fault };
}

/** In errors ids are numbers, as long as those are exact. */
function shownId(id: bigint): number | string {
  return id <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(id) : String(id);
}

function lifecycleStep(sessions: ConnectionSessions, step: Members): StateFault | undefined {
  switch (step.oneOf('do', LIFECYCLE_STEPS)) {
    case 'open_ack':
      return sessions.openAnswered(packetIn(step));
    case 'close':
      return sessions.closeRequested(packetIn(step));
    case 'close_ack':
      return sessions.closeAnswered(packetIn(step));
    case 'flow':
      return sessions.flowUpdated(packetIn(step));
    case 'close_connection':
      return sessions.closeConnection();
  }
}

/** A packet as it is: its header ids are for the machine to judge. */
function packetIn(step: Members): Packet {
  const bytes = step.bytes('packet_hex');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const { metaLen, bodyLen } = decodeCommonHeader(view);
  const length = COMMON_HEADER_BYTES + metaLen + bodyLen;
  if (bytes.length === length) return new Packet(bytes, view, 0, metaLen, bodyLen);
  const message = `${step.at('packet_hex')}: a packet of ${length} bytes, got ${bytes.length}`;
  throw new RequestError({ kind: 'bad_request', message });
}

function stateResult(fault: StateFault | undefined): JsonObject {
  if (fault === undefined) return { ok: 'ok' };
  if ('sessionId' in fault) return { error: { kind: fault.kind, value: fault.sessionId } };
  return { error: 'rule' in fault ? fault : { kind: fault.kind } };
}

function schemaStep(schemas: SchemaRegistry, step: Members): JsonObject {
  const result = schemaCall(schemas, step);
  if (result.outcome === 'refused') return { error_code: result.errorCode };
  return { ok: OUTCOMES[result.outcome] ?? result.outcome };
}

function schemaCall(schemas: SchemaRegistry, step: Members) {
  switch (step.oneOf('do', SCHEMA_STEPS)) {
    case 'bind':
      return schemas.bind(decodeTypedPayloadDescriptor(viewIn(step)));
    case 'install':
      return schemas.install(decodeSchemaDescriptorHeader(viewIn(step)));
    case 'invalidate':
      return schemas.invalidate(step.number('schema_id', MAX_U32), step.number('schema_version', MAX_U32));
  }
}

function viewIn(step: Members): DataView {
  const bytes = step.bytes('hex');
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
