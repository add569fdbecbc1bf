import { Packet, SchemaRegistry, type StateFault } from 'nnrp-core';
import {
  type CancelScope,
  COMMON_HEADER_BYTES,
  type ConnectionOperationFault,
  ConnectionOperations,
  ConnectionSessions,
  decodeCommonHeader,
  decodeSchemaDescriptorHeader,
  decodeTypedPayloadDescriptor,
  type OperationSchedule,
  type OperationState,
  TOKEN_DELTA_SCHEMA,
} from 'nnrp-core/preview4';
import { bytesOf } from '../golden-vectors.js';
import type { NamedVector } from './named-vector.js';

interface OperationStep {
  readonly do: 'register' | 'transition' | 'state' | 'complete' | 'abort' | 'cancel' | 'schedule' | 'expire';
  readonly id: string;
  readonly session: number;
  readonly parent?: string;
  readonly group?: string;
  readonly to: OperationState;
  readonly scope: CancelScope;
  readonly message_type: number;
  readonly sequence: string;
  readonly priority_class: number;
  readonly priority_delta: number;
  readonly unix_ms: string;
  readonly flags: number;
  readonly now_ms: string;
}

interface LifecycleStep {
  readonly do: 'open_ack' | 'close' | 'close_ack' | 'flow' | 'close_connection';
  readonly packet_hex: string;
}

interface SchemaStep {
  readonly do: 'bind' | 'install' | 'invalidate';
  readonly hex: string;
  readonly schema_id: number;
  readonly schema_version: number;
}

/** Steps fed to a fresh machine, and one result for each. */
export type ScriptVector = NamedVector & { readonly results: readonly unknown[] } & (
    | { readonly machine: 'operations'; readonly steps: readonly OperationStep[] }
    | { readonly machine: 'lifecycle'; readonly steps: readonly LifecycleStep[] }
    | { readonly machine: 'schemas'; readonly steps: readonly SchemaStep[]; readonly standard?: boolean }
  );

/** The result of each step. */
export function runScript(vector: ScriptVector): unknown[] {
  switch (vector.machine) {
    case 'operations': {
      const operations = new ConnectionOperations();
      return vector.steps.map((step) => operationStep(operations, step));
    }
    case 'lifecycle': {
      const sessions = new ConnectionSessions();
      return vector.steps.map((step) => ({
        ...stateResult(lifecycleStep(sessions, step)),
        sessions: Object.fromEntries(sessions),
      }));
    }
    case 'schemas': {
      const schemas = new SchemaRegistry(vector.standard === true ? [TOKEN_DELTA_SCHEMA] : []);
      return vector.steps.map((step) => schemaStep(schemas, step));
    }
  }
}

function operationStep(operations: ConnectionOperations, step: OperationStep): unknown {
  const operationId = BigInt(step.id);
  switch (step.do) {
    case 'register':
      return operationResult(
        operations.register({
          operationId,
          sessionId: step.session,
          ...(step.parent === undefined ? {} : { parentOperationId: BigInt(step.parent) }),
          ...(step.group === undefined ? {} : { operationGroupId: BigInt(step.group) }),
        }),
      );
    case 'transition':
      return operationResult(operations.transition(operationId, step.to));
    case 'state':
      return { ok: operations.state(operationId) ?? null };
    case 'complete':
      return operationResult(operations.complete(operationId));
    case 'abort':
      return operationResult(operations.abort(operationId));
    case 'cancel': {
      const { cancelled, fault } = operations.cancel(step.session, operationId, step.scope);
      return fault === undefined ? { ok: cancelled.map(String) } : operationResult(fault);
    }
    case 'schedule': {
      const { schedule, fault } = operations.schedule(step.session, step.message_type, {
        operationId,
        controlSequence: BigInt(step.sequence),
        priorityClass: step.priority_class,
        priorityDelta: step.priority_delta,
        deadlineUnixMs: BigInt(step.unix_ms),
        flags: step.flags,
      });
      return fault === undefined ? { ok: shownSchedule(schedule) } : operationResult(fault);
    }
    case 'expire': {
      const expired = operations.expire(operationId, BigInt(step.now_ms));
      return typeof expired === 'boolean' ? { ok: expired } : operationResult(expired);
    }
  }
}

function operationResult(fault: ConnectionOperationFault | undefined): unknown {
  if (fault === undefined) return { ok: 'ok' };
  return { error: 'operationId' in fault ? { kind: fault.kind, value: shownId(fault.operationId) } : fault };
}

/** The file has numbers for ids in errors, which are exact up to 2^53. */
function shownId(id: bigint): number | string {
  return id <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(id) : String(id);
}

function shownSchedule(schedule: OperationSchedule): object {
  return {
    priority_class: schedule.priorityClass,
    priority_delta: schedule.priorityDelta,
    deadline_unix_ms: String(schedule.deadlineUnixMs),
    expire_at_unix_ms: String(schedule.expireAtUnixMs),
    update_sequence: String(schedule.updateSequence),
    flags: schedule.flags,
  };
}

function lifecycleStep(sessions: ConnectionSessions, step: LifecycleStep): StateFault | undefined {
  switch (step.do) {
    case 'open_ack':
      return sessions.openAnswered(packetOf(step));
    case 'close':
      return sessions.closeRequested(packetOf(step));
    case 'close_ack':
      return sessions.closeAnswered(packetOf(step));
    case 'flow':
      return sessions.flowUpdated(packetOf(step));
    case 'close_connection':
      return sessions.closeConnection();
  }
}

/** A packet as it is: header ids are for the machine to judge. */
function packetOf({ packet_hex }: LifecycleStep): Packet {
  const bytes = bytesOf(packet_hex);
  const view = new DataView(bytes.buffer);
  const { metaLen, bodyLen } = decodeCommonHeader(view);
  if (bytes.length !== COMMON_HEADER_BYTES + metaLen + bodyLen) throw new Error(`a packet of ${bytes.length} bytes`);
  return new Packet(bytes, view, 0, metaLen, bodyLen);
}

function stateResult(fault: StateFault | undefined): object {
  if (fault === undefined) return { ok: 'ok' };
  if ('sessionId' in fault) return { error: { kind: fault.kind, value: fault.sessionId } };
  return { error: 'rule' in fault ? fault : { kind: fault.kind } };
}

/** Outcomes as the file spells them. */
const OUTCOMES = { bound: 'ok', already_installed: 'alreadyinstalled' } as const;

function schemaStep(schemas: SchemaRegistry, step: SchemaStep): unknown {
  const result = schemaCall(schemas, step);
  if (result.outcome === 'refused') return { error_code: result.errorCode };
  return { ok: OUTCOMES[result.outcome as keyof typeof OUTCOMES] ?? result.outcome };
}

function schemaCall(schemas: SchemaRegistry, step: SchemaStep) {
  switch (step.do) {
    case 'bind':
      return schemas.bind(decodeTypedPayloadDescriptor(viewIn(step.hex)));
    case 'install':
      return schemas.install(decodeSchemaDescriptorHeader(viewIn(step.hex)));
    case 'invalidate':
      return schemas.invalidate(step.schema_id, step.schema_version);
  }
}

function viewIn(hex: string): DataView {
  return new DataView(bytesOf(hex).buffer);
}
