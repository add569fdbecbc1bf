import { writeFileSync } from 'node:fs';
import { InFlightPolicy } from 'nnrp-core/preview3';
import { NnrpClient } from '../../src/client/client.js';
import type { NnrpClientOptions } from '../../src/client/contract/client-config.js';
import type { NnrpServerOptions } from '../../src/server/contract/server-config.js';
import type { NnrpServer } from '../../src/server/server.js';
import type { FramedConnector } from '../../src/transport/contract/contract.js';
import { eventually } from '../support/eventually.js';
import { CutLane, STREAMS } from './cut-lane.js';
import { CutFault, CutLedger, NETWORK } from './cut-ledger.js';
import { CutMover } from './cut-mover.js';
import type { CutNetwork } from './cut-network.js';
import { cutHandlers } from './cut-work.js';
import { Dice } from './dice.js';

/** What carries the sessions. */
export interface CutGround {
  bind(config: NnrpServerOptions): Promise<NnrpServer>;
  network(server: string, dice: Dice): Promise<CutNetwork>;
  connector(address: string): FramedConnector;
}

export interface CutRun {
  readonly seed: number;
  readonly cuts: number;
  /** Milliseconds that any one thing may take; default 30000. */
  readonly patienceMs?: number;
  /** Of the wire; default preview3. */
  readonly revision?: 'preview3' | 'preview4';
}

/** What has happened. */
export interface CutReport {
  readonly cuts: Readonly<Record<string, number>>;
  readonly counts: CutLedger['counts'];
  readonly resumed: number;
  /** How often the sessions were moved to another connection, and how often that has failed. */
  readonly moves: number;
  readonly failures: number;
}

const LANES = 4;
const WINDOW_MS = 30_000;
const PATIENCE_MS = 30_000;

const SERVER: NnrpServerOptions = {
  maxInFlightOperations: STREAMS,
  grantedOperationCredit: STREAMS,
  resumeWindowMs: WINDOW_MS,
  keepAliveMs: 150,
  pingTimeoutMs: 400,
  // Cancels make gaps in plenty, and the machine may be busy.
  deadlines: false,
};

/** Silence is found fast, and attempts follow each other fast. */
const CLIENT: NnrpClientOptions = {
  keepAliveMs: 100,
  pingTimeoutMs: 300,
  reconnectBackoffMs: 10,
  openTimeoutMs: PATIENCE_MS,
  requestTimeoutMs: PATIENCE_MS,
  closeTimeoutMs: PATIENCE_MS,
};

/**
 * Works over a network that cuts connections at any point, and finds out whether anything is lost or comes twice.
 *
 * @throws Error that names the first fault, the seed, and what happened to the operation concerned
 */
export async function cutAnywhere(ground: CutGround, run: CutRun): Promise<CutReport> {
  const ledger = new CutLedger();
  const unhandled = (error: unknown) =>
    void ledger.found(new CutFault('process', `unhandled rejection: ${String(error)}`));
  process.on('unhandledRejection', unhandled);
  try {
    return await work(ground, run, ledger);
  } catch (error) {
    const { NNRP_CUT_LOG: file } = process.env;
    if (file !== undefined) writeFileSync(file, ledger.wholeStory);
    const fault = ledger.firstFault ?? error;
    const story = fault instanceof CutFault ? `\n${ledger.storyOf(fault.subject)}` : '';
    throw new Error(`NNRP_SEED=${run.seed} NNRP_CUTS=${run.cuts}: ${String(fault)}${story}`, { cause: error });
  } finally {
    process.off('unhandledRejection', unhandled);
  }
}

async function work(ground: CutGround, run: CutRun, ledger: CutLedger) {
  const { seed, cuts, patienceMs = PATIENCE_MS, revision = 'preview3' } = run;
  const dice = new Dice(seed);
  const server = await ground.bind(SERVER);
  watchServer(server, ledger);
  const serving = server.serve(cutHandlers(ledger));
  const network = await ground.network(server.localAddress, new Dice(dice.below(2 ** 32)));
  const client = await NnrpClient.connect(ground.connector(network.address), { ...CLIENT, revision });
  let resumed = 0;
  const mover = new CutMover(client, () => ground.connector(network.address), ledger, new Dice(dice.below(2 ** 32)));
  client.on('resumed', () => resumed++);
  watchClient(client, ledger);
  try {
    const isOver = () => network.cutCount >= cuts || ledger.firstFault !== undefined;
    const world = { client, ledger, dice, patienceMs, isOver };
    const lanes = Array.from({ length: LANES }, (_, number) => new CutLane(world, number, number === 0));
    // The first session is there throughout: a client without one has nothing to come back for.
    await lanes[0]?.open();
    network.storm(cuts, (text) => ledger.tell(NETWORK, `CUT ${text}`));
    const others = lanes.slice(1).map(async (lane) => {
      await lane.open();
      await lane.run();
    });
    await Promise.race([ledger.faulty, Promise.all([...others, lanes[0]?.run(), mover.run(isOver)])]);
    await client.close();
    await eventually(() => ledger.running === 0, 'no handler runs');
    await eventually(() => server.connectionCount === 0, 'no connection is left');
    ledger.checkEnded(server.sessionCount);
    ledger.check(ledger.firstFault === undefined, 'run', 'a fault was found');
  } finally {
    await client.close({ inFlightPolicy: InFlightPolicy.Abort, drainTimeoutMs: 0 }).catch(() => {});
    await server.close();
    await serving.catch(() => {});
    await network.close();
  }
  ledger.check(server.sessionCount === 0, 'server', `${server.sessionCount} sessions are left`);
  ledger.check(server.connectionCount === 0, 'server', `${server.connectionCount} connections are left`);
  ledger.check(network.openSockets === 0, NETWORK, `${network.openSockets} sockets are left`);
  const { moves, failures } = mover;
  return { cuts: Object.fromEntries(network.cuts), counts: ledger.counts, resumed, moves, failures };
}

function watchServer(server: NnrpServer, ledger: CutLedger): void {
  const defect = (what: string) => (event: { readonly sessionId?: number; readonly error?: unknown }) =>
    void ledger.found(new CutFault('server', `${what}: session ${event.sessionId}: ${String(event.error)}`));
  server.on('protocolViolation', defect('protocolViolation'));
  server.on('handlerFailure', defect('handlerFailure'));
  server.on('internalError', defect('internalError'));
  server.on('sessionExpired', ({ sessionId }) => ledger.tell(NETWORK, `session ${sessionId} has expired`));
  server.on('sessionRefused', ({ open, errorCode }) =>
    ledger.tell(NETWORK, `session ${open.requestedSessionId} is refused: ${errorCode.toString(16)}`),
  );
  server.on('sessionSuspended', ({ sessionId, error }) =>
    ledger.tell(NETWORK, `server: session ${sessionId} is suspended: ${error.message}`),
  );
  server.on('sessionResumed', ({ sessionId }) => ledger.tell(NETWORK, `server: session ${sessionId} is resumed`));
  server.on('boundReached', (event) => ledger.tell(NETWORK, `server: bound ${JSON.stringify(event)}`));
}

function watchClient(client: NnrpClient, ledger: CutLedger): void {
  const defect = (what: string) => (event: { readonly error?: unknown }) =>
    void ledger.found(new CutFault('client', `${what}: ${String(event.error)}`));
  client.on('protocolViolation', defect('protocolViolation'));
  client.on('stray', ({ message, packet }) =>
    defect('stray')({ error: `${message.name} ${packet.sessionId} ${packet.frameId}` }),
  );
  client.on('internalError', defect('internalError'));
  client.on('lost', ({ sessionId, error }) => defect(`session ${sessionId} is lost`)({ error }));
  client.on('suspended', ({ error }) => ledger.tell(NETWORK, `client: suspended: ${error.message}`));
  client.on('resumed', (event) => ledger.tell(NETWORK, `client: resumed ${JSON.stringify(event)}`));
  client.on('closed', (error) => ledger.tell(NETWORK, `client: closed: ${error.message}`));
}
