import { setTimeout as sleep } from 'node:timers/promises';
import * as preview3 from 'nnrp-core/preview3';
import { NnrpServer, type NnrpServerSession, type OperationContext } from 'nnrp-runtime';
import { QuicProvider, QuicServerEndpointConfig } from 'nnrp-transport-quic';
import { Faults, footprint } from './faults.js';
import type { Road } from './road.js';
import { answerQuestions } from './side.js';

const { CacheObjectKind, UpdateReason } = preview3;
const MAX_IN_FLIGHT = 8;

/** What the server counts. */
export interface ServerCounts {
  readonly sessions: number;
  readonly connections: number;
  /** Frames that handlers took, and how they ended: answered, or given up with an aborted signal. */
  readonly taken: number;
  readonly answered: number;
  readonly aborted: number;
  /** Frames that ended in neither way: a frame of a vanished connection whose signal never aborted is one. */
  readonly lost: number;
  readonly inHand: number;
  /** Most frames of one session in the hands of handlers at once. */
  readonly mostInHand: number;
  readonly violations: number;
  readonly connectionsLost: number;
  /** Sessions without a connection at the moment, and those over whose last answers are kept. */
  readonly waiting: number;
  readonly suspended: number;
  readonly resumed: number;
  readonly expired: number;
  readonly faults: number;
  readonly firstFaults: readonly string[];
}

export interface ListenOrder {
  readonly maxSessions: number;
  readonly quic: boolean;
  /** Milliseconds that sessions wait for their clients, on a network that cuts connections; 0 where it does not. */
  readonly windowMs: number;
}

/** Dead connections are found soon. */
const CUTS_CONFIG = Object.freeze({ keepAliveMs: 2000, pingTimeoutMs: 5000 });

const faults = new Faults();
faults.watchProcess();
let server: NnrpServer | undefined;
let served: Promise<void> | undefined;
let taken = 0;
let answered = 0;
let aborted = 0;
let lost = 0;
let mostInHand = 0;
let violations = 0;
let connectionsLost = 0;
let suspended = 0;
let resumed = 0;
let expired = 0;
const inHand = new Set<OperationContext>();
const perSession = new Map<number, number>();
const sessions = new Set<NnrpServerSession>();
let flowTimer: NodeJS.Timeout | undefined;
let turn = 0;

/** Tells some sessions how much they may have in flight, and pauses some for a moment. */
function regulate(): void {
  let index = 0;
  turn++;
  for (const session of sessions) {
    if (++index % 97 !== turn % 97 || session.endReason !== undefined) continue;
    const said = session.sendFlowUpdate(
      turn % 3 === 0 ? { updateReason: UpdateReason.Pause } : { credit: 1 + (turn % MAX_IN_FLIGHT) },
    );
    said.catch(() => {});
    if (turn % 3 !== 0) continue;
    setTimeout(() => {
      session.sendFlowUpdate({ updateReason: UpdateReason.Resume, credit: 4 }).catch(() => {});
    }, 15);
  }
}

/** Enters an operation into the books until it is over. */
function follow(operation: OperationContext): void {
  const { sessionId } = operation.session;
  taken++;
  inHand.add(operation);
  const count = (perSession.get(sessionId) ?? 0) + 1;
  perSession.set(sessionId, count);
  if (count > mostInHand) mostInHand = count;
  if (count > MAX_IN_FLIGHT) faults.note('in-flight limit', `session ${sessionId} has ${count}`);
  const { signal } = operation;
  void operation.finished.then(() => {
    inHand.delete(operation);
    const left = (perSession.get(sessionId) ?? 1) - 1;
    if (left === 0) perSession.delete(sessionId);
    else perSession.set(sessionId, left);
    if (signal.aborted) aborted++;
    else if (operation.abortReason === undefined) answered++;
    else lost++;
  });
}

/** Does what the body of the submit says. */
function work(operation: OperationContext) {
  follow(operation);
  const text = new TextDecoder().decode(operation.body);
  const [mode, first = '0', second = '0'] = text.split(' ', 3);
  switch (mode) {
    case 'echo':
      return text;
    case 'later':
      return sleep(Number(first), text);
    case 'stream':
      return stream(Number(first), Number(second), operation.signal);
    case 'fail':
      throw new Error('asked to fail');
    case 'drop':
      return operation.drop();
    default:
      // Waits for a cancel, a deadline, a close or the end of the connection.
      return operation.finished;
  }
}

async function* stream(parts: number, bytes: number, signal: AbortSignal): AsyncGenerator<Uint8Array, string, void> {
  // The same memory each time: what is kept for a client that is away must be a copy.
  const body = new Uint8Array(4 + bytes);
  const view = new DataView(body.buffer);
  for (let part = 0; part < parts && !signal.aborted; part++) {
    if (part % 16 === 15) await sleep(1);
    view.setUint32(0, part, true);
    yield body;
  }
  return `stream ${parts}`;
}

answerQuestions({
  async listen({ maxSessions, quic, windowMs }: ListenOrder): Promise<Road> {
    const config = {
      maxInFlightOperations: MAX_IN_FLIGHT,
      grantedOperationCredit: 4,
      supportedCacheObjects: Object.values(CacheObjectKind),
      maxCacheObjects: 32,
      maxCacheObjectBytes: 65_536,
      maxSessions,
      maxOutboxBytes: 1024 * 1024,
      highWaterBytes: 64 * 1024,
      handshakeTimeoutMs: 5000,
      drainTimeoutMs: 1000,
      ...(windowMs > 0 ? { ...CUTS_CONFIG, resumeWindowMs: windowMs } : {}),
    };
    const address = '127.0.0.1:0';
    const secure = quic
      ? QuicServerEndpointConfig.selfSignedLocalhost(address, { highWaterBytes: 64 * 1024 })
      : undefined;
    server =
      secure === undefined ? await NnrpServer.bindTcp(address, config) : await QuicProvider.bind(secure.config, config);
    server.on('protocolViolation', () => violations++);
    server.on('connectionLost', () => connectionsLost++);
    server.on('sessionSuspended', () => suspended++);
    server.on('sessionResumed', () => resumed++);
    server.on('sessionExpired', () => expired++);
    server.on('handlerFailure', ({ error }) => {
      if (!(error instanceof Error && error.message === 'asked to fail')) faults.note('handler failure', error);
    });
    served = server.serve({
      submit: work,
      patch: () => ({}),
      session: (session) => void sessions.add(session),
      ended: (session) => void sessions.delete(session),
    });
    flowTimer = setInterval(regulate, 20);
    served.catch((error: unknown) => faults.note('serve', error));
    const port = Number(server.localAddress.split(':').at(-1));
    if (secure === undefined) return { port };
    return { port, root: Buffer.from(secure.certificate.certificateDer).toString('base64') };
  },
  counts(): ServerCounts {
    return {
      sessions: server?.sessionCount ?? 0,
      connections: server?.connectionCount ?? 0,
      taken,
      answered,
      aborted,
      lost,
      inHand: inHand.size,
      mostInHand,
      violations,
      connectionsLost,
      waiting: server?.stats().suspendedSessions?.value ?? 0,
      suspended,
      resumed,
      expired,
      faults: faults.count,
      firstFaults: faults.first,
    };
  },
  footprint,
  async close() {
    clearInterval(flowTimer);
    await server?.close();
    await served;
    // Handlers of cancelled streams may sleep a moment longer.
    await sleep(200);
    return footprint();
  },
});
