import diagnostics from 'node:diagnostics_channel';
import type { DiagnosticsMessages, NnrpServer, NnrpServerSession } from 'nnrp-runtime';
import { SeldomWarning, subscriber } from 'nnrp-runtime/transport';

/** Upper bounds in seconds: from what never leaves memory to a long answer of a model. */
const BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120] as const;

const FAILED = 'nnrp-admin: a message about an operation could not be read';

/** An operation that has had no last answer. */
export interface LiveOperation {
  readonly frameId: number;
  /** By `performance.now`. */
  readonly beganMs: number;
  /** Bytes of its submit's body. */
  readonly bytes: number;
}

type Start = DiagnosticsMessages['nnrp:operation:start'];
type End = DiagnosticsMessages['nnrp:operation:end'];

/** The operations of one server that run, and how long those took that are over: by the channels, so that the server keeps no time. */
export class LiveOperations {
  readonly buckets: readonly number[] = BUCKETS;
  /** How many took at most as long as each of the buckets, and longer than the one before. */
  readonly durations: number[] = BUCKETS.map(() => 0);
  count = 0;
  /** Told of each operation that ends without a last result. */
  onDrop: ((sessionId: number, frameId: number, outcome: string) => void) | undefined;
  seconds = 0;
  private readonly running = new Map<object, Map<object, LiveOperation>>();

  constructor(private readonly server: NnrpServer) {
    // Channels keep their subscribers: they must not keep a server that the application has let go of.
    const held = new WeakRef<LiveOperations>(this);
    const failed = new SeldomWarning();
    const started = subscriber(FAILED, (message: Start) => held.deref()?.started(message), failed);
    const ended = subscriber(FAILED, (message: End) => held.deref()?.ended(message), failed);
    diagnostics.subscribe('nnrp:operation:start', started);
    diagnostics.subscribe('nnrp:operation:end', ended);
    GONE.register(this, () => {
      diagnostics.unsubscribe('nnrp:operation:start', started);
      diagnostics.unsubscribe('nnrp:operation:end', ended);
    });
  }

  /** Those of one session, in the order in which they came. */
  of(session: object): Iterable<LiveOperation> {
    return this.running.get(session)?.values() ?? [];
  }

  private started({ role, operation, sessionId, frameId, bytes }: Start): void {
    if (role !== 'server') return;
    const { session } = operation as { readonly session: object };
    if (this.server.session(sessionId) !== session) return;
    let ofSession = this.running.get(session);
    if (ofSession === undefined) {
      ofSession = new Map();
      this.running.set(session, ofSession);
    }
    ofSession.set(operation, { frameId, bytes, beganMs: performance.now() });
  }

  private ended({ role, operation, outcome }: End): void {
    if (role !== 'server' || operation === undefined) return;
    const { session, frameId } = operation as { readonly session: NnrpServerSession; readonly frameId: number };
    const ofSession = this.running.get(session);
    const began = ofSession?.get(operation)?.beganMs;
    if (ofSession === undefined || began === undefined) return;
    ofSession.delete(operation);
    if (ofSession.size === 0) this.running.delete(session);
    const seconds = (performance.now() - began) / 1000;
    const at = BUCKETS.findIndex((bound) => seconds <= bound);
    if (at >= 0) this.durations[at] = (this.durations[at] ?? 0) + 1;
    this.count++;
    this.seconds += seconds;
    if (outcome !== 'completed') this.onDrop?.(session.sessionId, frameId, outcome);
  }
}

const GONE = new FinalizationRegistry<() => void>((unsubscribe) => unsubscribe());
