import type { NnrpError, Packet } from 'nnrp-core';
import type {
  CallSubmitMessage,
  DiagnosticsConnection,
  DiagnosticsRole,
  RecoveryMessage,
  SubmitMessage,
} from './messages.js';

/** A packet on its way out, as far as it is looked at. */
export interface LeavingPacket {
  readonly headBytes: number;
  readonly bodyLength?: number;
  readonly body: Uint8Array;
  writeHead(view: DataView, start: number, bytes?: Uint8Array): void;
}

/** Where the options of a submit say of which call it is; no name that an application could give. */
export const OF_CALL = /* @__PURE__ */ Symbol('nnrp call');

/** What is looked at of the options of a submit. */
export interface ToldSubmit {
  readonly [OF_CALL]?: CallSubmitMessage | undefined;
  readonly traceId?: bigint | undefined;
  /** What was said of it. */
  readonly told?: SubmitMessage | undefined;
}

/** A session of either end. */
export interface ToldSession {
  readonly sessionId: number;
  readonly endReason: NnrpError | undefined;
}

/** Is told what happens, and passes it on to the channels that have subscribers: `channel-observer.ts`. */
export interface Observer {
  opened(connection: DiagnosticsConnection): void;
  ended(connection: DiagnosticsConnection, error: NnrpError): void;
  came(connection: DiagnosticsConnection, packet: Packet): void;
  /** @throws what `writeHead` throws */
  leaves(connection: DiagnosticsConnection, packet: LeavingPacket): void;
  /** A session has begun, or is over when it has an `endReason`. */
  session(role: DiagnosticsRole, session: ToldSession, remoteAddress: string): void;
  /** @returns the options, with a trace id of a subscriber if one has given it */
  submit<Options extends ToldSubmit>(sessionId: number, bytes: number, options?: Options): Options | undefined;
  /** The submit has left. */
  start(operation: { readonly frameId: number }, sessionId: number, bytes: number, options?: ToldSubmit): void;
  /** A call was refused, before its submit was told. */
  uncalled(call: CallSubmitMessage, sessionId: number, error: unknown): void;
  /** The submit never left. */
  unsent(options: ToldSubmit | undefined, error: unknown): void;
  result(operation: { readonly isOver: boolean }, bytes: number, partial: boolean): void;
  /** @param error - absent where the operation of a client has had its last result */
  end(operation: object, error?: NnrpError): void;
  /** An event of a client; those of recovery are told. */
  clientEvent(name: string, remoteAddress: string, event: object): void;
  recovery(what: 'suspend' | 'resume' | 'lose', message: RecoveryMessage): void;
}

/**
 * Undefined where there are no channels, and where no code has asked for them: the portable client, which every page loads, has no
 * more of it than the question.
 */
export let observer: Observer | undefined;

export function observeBy(given: Observer): void {
  observer = given;
}
