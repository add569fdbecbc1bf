import type { NnrpError } from 'nnrp-core';

/** Which end says it. */
export type DiagnosticsRole = 'client' | 'server';

/** A connection as channels name it: the same object in all its messages, with facts to be read at any time. */
export interface DiagnosticsConnection {
  readonly role: DiagnosticsRole;
  /** The peer, such as 127.0.0.1:51000. */
  readonly remoteAddress: string;
  readonly transportKind: string;
  /** Bytes of whole packets so far, header, metadata and body. */
  readonly receivedBytes: number;
  /** The same of those that were handed to the transport. */
  readonly sentBytes: number;
}

/** `nnrp:connection:open` and, with `error`, `nnrp:connection:end`. A client's connection outlives transports: see recovery. */
export interface ConnectionMessage {
  readonly connection: DiagnosticsConnection;
  /** Why it is over; an orderly end is a ClosedError. Absent while it is open. */
  readonly error?: NnrpError;
}

/** `nnrp:session:open` and, with `error`, `nnrp:session:end`. */
export interface SessionMessage {
  readonly role: DiagnosticsRole;
  /** NnrpServerSession or NnrpClientSession: the same object in all messages about it. */
  readonly session: object;
  readonly sessionId: number;
  readonly remoteAddress: string;
  readonly error?: NnrpError;
}

/** `nnrp:session:refuse`, of a server. */
export interface SessionRefusedMessage {
  readonly remoteAddress: string;
  /** The session_error_code that was sent. */
  readonly errorCode: number;
}

/** `nnrp:call:submit`, of a client: a call of `nnrp-runtime/calls` is about to be submitted, in the async context of the caller. */
export interface CallSubmitMessage {
  readonly route: string | number;
  readonly requestId: string;
  /** What goes beside the body, a copy. A subscriber may set names of its own in it; a call with what is no metadata fails. */
  readonly metadata: Record<string, string>;
}

/**
 * `nnrp:operation:submit`, of a client: inside the call of `submit`, `submitNow` or `request`, in the async context of the caller.
 */
export interface SubmitMessage {
  readonly sessionId: number;
  /** Bytes of the body. */
  readonly bytes: number;
  /** The trace id that goes with the submit. A subscriber may set it; 0n is none, and so is what is no u64. */
  traceId: bigint;
  /** Of a call: the message of `nnrp:call:submit` before. Absent where that channel had no subscriber then. */
  readonly call?: CallSubmitMessage | undefined;
}

/** `nnrp:operation:start`: a client has sent the submit, a server has taken it. */
export interface OperationStartMessage {
  readonly role: DiagnosticsRole;
  /** OperationContext or ClientOperation: the same object in all messages about it. */
  readonly operation: object;
  readonly sessionId: number;
  readonly frameId: number;
  /** Bytes of the body. */
  readonly bytes: number;
  /** Of a client: the message of `nnrp:operation:submit`. Absent where that channel had no subscriber then, and for one that a ticket brought. */
  readonly submit?: SubmitMessage | undefined;
}

/** `nnrp:operation:result`: a server has sent a result, a client has received one that is still waited for. */
export interface OperationResultMessage {
  readonly role: DiagnosticsRole;
  readonly operation: object;
  /** Bytes of the body. */
  readonly bytes: number;
  readonly partial: boolean;
}

/** `nnrp:operation:end`: exactly once for each that has started, and for each submit of a client that never did. */
export interface OperationEndMessage {
  readonly role: DiagnosticsRole;
  /** Absent where a submit was refused, or given up, before it was sent. */
  readonly operation?: object;
  /** As in {@link OperationStartMessage}. */
  readonly submit?: SubmitMessage | undefined;
  /** Of a server `completed` or a reason of `server.counters().drops`; of a client the code of the error, or `completed`. */
  readonly outcome: string;
  readonly error?: unknown;
}

/** `nnrp:operation:refuse`, of a server: a submit was not taken, and is no operation. */
export interface OperationRefusedMessage {
  readonly sessionId: number;
  readonly frameId: number;
  /** As in `server.counters().drops`. */
  readonly reason: string;
}

/** `nnrp:packet:receive` and `nnrp:packet:send`. No payload: the body is not in it. */
export interface PacketMessage {
  readonly connection: DiagnosticsConnection;
  /** Header and metadata, a copy: `preview3.decodeCommonHeader` reads its beginning. */
  readonly head: Uint8Array;
  /** Bytes of the body. */
  readonly bodyBytes: number;
}

/** `nnrp:recovery:suspend`, `nnrp:recovery:resume` and `nnrp:recovery:lose`. */
export interface RecoveryMessage {
  readonly role: DiagnosticsRole;
  /** 0 where it is about the whole connection of a client. */
  readonly sessionId: number;
  readonly remoteAddress: string;
  /** Milliseconds that it was without a connection, as far as known. */
  readonly awayMs?: number;
  readonly error?: NnrpError;
}

/** What is published, by the name of the channel. */
export interface DiagnosticsMessages {
  'nnrp:connection:open': ConnectionMessage;
  'nnrp:connection:end': ConnectionMessage;
  'nnrp:session:open': SessionMessage;
  'nnrp:session:end': SessionMessage;
  'nnrp:session:refuse': SessionRefusedMessage;
  'nnrp:call:submit': CallSubmitMessage;
  'nnrp:operation:submit': SubmitMessage;
  'nnrp:operation:start': OperationStartMessage;
  'nnrp:operation:result': OperationResultMessage;
  'nnrp:operation:end': OperationEndMessage;
  'nnrp:operation:refuse': OperationRefusedMessage;
  'nnrp:packet:receive': PacketMessage;
  'nnrp:packet:send': PacketMessage;
  'nnrp:recovery:suspend': RecoveryMessage;
  'nnrp:recovery:resume': RecoveryMessage;
  'nnrp:recovery:lose': RecoveryMessage;
}
