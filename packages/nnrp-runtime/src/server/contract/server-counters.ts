/** Why a frame had no last result: how `drops` of the counters and the channels call it. */
export type DropReason =
  /** The client has cancelled it. */
  | 'cancelled'
  | 'deadline'
  /** The client has put another operation in its place. */
  | 'superseded'
  /** A HandlerError, or what `endWith` and `failFrame` were given: on purpose, with a code of the application's own. */
  | 'handler_error'
  | 'handler_failed'
  /** The application has dropped it without a reason. */
  | 'dropped'
  | 'cancelled_by_server'
  | 'session_closed'
  | 'server_shutdown'
  /** The session ended with its connection, or was not resumed in time: the client could not be told. */
  | 'session_lost'
  /** What follows was never taken as an operation, but for `busy`, which waited for a handler in vain. */
  | 'busy'
  | 'in_flight_limit'
  | 'refused';

/** What has happened on a server since it began. None of them ever gets less. */
export interface ServerCounters {
  readonly connections: number;
  /** Sessions that were opened; a resumed one is not opened again. */
  readonly sessions: number;
  /** Opens that were refused with a code. */
  readonly refusedSessions: number;
  readonly suspendedSessions: number;
  readonly resumedSessions: number;
  /** Sessions that were not resumed in time, or given up to make room. */
  readonly lostSessions: number;
  /** Submits that were taken. Each is completed or dropped in the end. */
  readonly operations: number;
  /** Operations whose last result was sent. */
  readonly completedOperations: number;
  readonly partialResults: number;
  /** Bytes of the bodies of all results. */
  readonly resultBytes: number;
  /** Frames without a last result, by reason; reasons that have not occurred are left out. */
  readonly drops: { readonly [Reason in DropReason]?: number };
  /** Bytes of whole packets that have come, over all connections. */
  readonly receivedBytes: number;
  /** Bytes of whole packets that were handed to the transports. */
  readonly sentBytes: number;
}

const REASONS: Readonly<Record<string, DropReason>> = {
  NNRP_ERR_DEADLINE: 'deadline',
  NNRP_ERR_SUPERSEDED: 'superseded',
  NNRP_ERR_HANDLER_FAILED: 'handler_failed',
  NNRP_ERR_RESULT_TOO_LARGE: 'handler_failed',
  NNRP_ERR_CANCELLED_BY_SERVER: 'cancelled_by_server',
  NNRP_ERR_CLOSED: 'session_closed',
  NNRP_ERR_SERVER_SHUTDOWN: 'server_shutdown',
  NNRP_ERR_SERVER_BUSY: 'busy',
  NNRP_ERR_IN_FLIGHT_LIMIT: 'in_flight_limit',
  NNRP_ERR_SUBMIT_REFUSED: 'refused',
};

/** The reason behind a failure that clients are told of. Codes of the application's own are one, however many there are. */
export function dropReason({ details }: { readonly details: { readonly code?: string | undefined } }): DropReason {
  const { code = '' } = details;
  return Object.hasOwn(REASONS, code) ? (REASONS[code] as DropReason) : 'handler_error';
}

type Mutable<T> = { -readonly [Name in keyof T]: T[Name] };

/** The counters of one server, counted up where things happen. */
export class ServerTally implements ServerCounters {
  connections = 0;
  sessions = 0;
  refusedSessions = 0;
  suspendedSessions = 0;
  resumedSessions = 0;
  lostSessions = 0;
  operations = 0;
  completedOperations = 0;
  partialResults = 0;
  resultBytes = 0;
  /** Of connections that are gone. */
  receivedBytes = 0;
  sentBytes = 0;
  readonly drops: Mutable<ServerCounters['drops']> = {};

  dropped(reason: DropReason): void {
    this.drops[reason] = (this.drops[reason] ?? 0) + 1;
  }

  /** The connection is gone: what came over it counts here from now on. */
  connectionGone({ receivedBytes, sentBytes }: Traffic): void {
    this.receivedBytes += receivedBytes;
    this.sentBytes += sentBytes;
  }

  /** @param connections - that are not gone */
  snapshot(connections: Iterable<Traffic>): ServerCounters {
    const own: Mutable<ServerCounters> = { ...this, drops: { ...this.drops } };
    for (const { receivedBytes, sentBytes } of connections) {
      own.receivedBytes += receivedBytes;
      own.sentBytes += sentBytes;
    }
    return own;
  }
}

/** What has come and gone over a connection. */
interface Traffic {
  readonly receivedBytes: number;
  readonly sentBytes: number;
}
