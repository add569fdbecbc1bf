import {
  NnrpClient,
  type NnrpClientSession,
  NnrpServer,
  type NnrpServerOptions,
  type OperationContext,
} from 'nnrp-runtime';
import type { Scenario } from '../scenarios.js';

/* Every call of nnrp-runtime that the benchmark makes, so that another way to say the same is tried in one place. */

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

/** What a client speaks; a server of the benchmark speaks both. */
export type Revision = 'preview3' | 'preview4';

export async function connectSessions(
  scenario: Scenario,
  port: number,
  revision: Revision = 'preview3',
): Promise<[NnrpClient, NnrpClientSession[]]> {
  const client = await NnrpClient.connectTcp(`127.0.0.1:${port}`, { revision });
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

/** Yields partial results and returns the last one. */
export type Handler = (operation: OperationContext) => AsyncGenerator<Uint8Array, Uint8Array, void>;

export function serveHandler(server: NnrpServer, submit: Handler): void {
  void server.serve({ submit });
}
