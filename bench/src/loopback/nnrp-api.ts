import {
  type ClientOperation,
  NnrpClient,
  type NnrpClientSession,
  NnrpServer,
  type NnrpServerOptions,
  type NnrpServerSession,
  preview3,
  resultMetadata,
} from 'nnrp-runtime';
import type { Scenario } from './scenarios.js';

/* Every call of nnrp-runtime that the benchmark makes, so that another way to say the same is tried in one place. */

/** Made once and sent again and again. */
const COMPLETE = resultMetadata();
const PARTIAL = resultMetadata({ resultClass: preview3.ResultClass.Partial });
const NO_BODY = new Uint8Array(0);

/** Long enough that nothing expires: what is measured is that the clockwork runs. */
const DEADLINE_MS = 60_000;
/** More than any scenario has in progress. */
export const OPERATIONS = 1024;

export const SERVER_CONFIG: NnrpServerOptions = {
  maxInFlightOperations: OPERATIONS,
  grantedOperationCredit: OPERATIONS,
  leaseTtlMs: DEADLINE_MS,
};

export function bindServer(): Promise<NnrpServer> {
  return NnrpServer.bindTcp('127.0.0.1:0', SERVER_CONFIG);
}

export function portOf(server: NnrpServer): number {
  return Number(server.localAddress.slice(server.localAddress.lastIndexOf(':') + 1));
}

export async function connectSessions(scenario: Scenario, port: number): Promise<[NnrpClient, NnrpClientSession[]]> {
  const client = await NnrpClient.connectTcp(`127.0.0.1:${port}`);
  const open = () => openSession(client, scenario.inFlight);
  return [client, await Promise.all(Array.from({ length: scenario.sessionsPerConnection }, open))];
}

/** @param inFlight - operations at once */
export function openSession(client: NnrpClient, inFlight: number): Promise<NnrpClientSession> {
  return client.openSession({
    maxInFlightOperations: inFlight,
    defaultDeadlineMs: DEADLINE_MS,
    leaseTtlHintMs: DEADLINE_MS,
  });
}

/** Submits at once: the lanes of a load never go beyond what the session may have in flight. */
export function submit(session: NnrpClientSession, body: Uint8Array): ClientOperation {
  return session.submitNow(body);
}

/** The last result of a frame; resolves when there is room for more. */
export function complete(session: NnrpServerSession, frameId: number, body: Uint8Array = NO_BODY): Promise<void> {
  return session.sendResult(frameId, COMPLETE, body);
}

/** A result that is followed by others; resolves when there is room for more. */
export function push(session: NnrpServerSession, frameId: number, body: Uint8Array): Promise<void> {
  return session.sendResult(frameId, PARTIAL, body);
}

/** What a handler is given. */
export interface Operation {
  readonly body: Uint8Array;
  readonly signal: AbortSignal;
  throwIfAborted(): void;
}

/** Yields partial results and returns the last one. */
export type Handler = (operation: Operation) => AsyncGenerator<Uint8Array, Uint8Array, void>;

export function serveHandler(server: NnrpServer, submit: Handler): void {
  void server.serve({ submit });
}
