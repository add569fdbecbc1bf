import { NnrpClient, type NnrpClientSession } from 'nnrp-runtime';
import { QuicConnector, QuicProvider, QuicServerEndpointConfig } from 'nnrp-transport-quic';
import { OPERATIONS, openSession, portOf, SERVER_CONFIG } from '../loopback/systems/nnrp-api.js';
import type { Connection, Contestant, Exchanges } from './contestant.js';

/* Whole sessions over QUIC: submits that are awaited, and a handler. A connection has one session. */

async function exchangeLane(session: NnrpClientSession, exchanges: Exchanges, lane: number): Promise<void> {
  for (let body = exchanges.begin(lane); body !== undefined; body = exchanges.begin(lane)) {
    const operation = await session.submit(body);
    exchanges.end(lane, (await operation.result()).body);
  }
}

export const nnrpSession: Contestant = {
  async serve({ certificate, privateKey }, tally) {
    const config = QuicServerEndpointConfig.withCertificateChain('127.0.0.1:0', certificate, privateKey);
    const server = await QuicProvider.bind(config, SERVER_CONFIG);
    void server.serve({
      submit: ({ body }) => {
        tally.request(body.length);
        return body;
      },
    });
    return {
      port: portOf(server),
      get connections() {
        return server.connectionCount;
      },
    };
  },

  async connector(port, { certificate }) {
    const connector = new QuicConnector(`127.0.0.1:${port}`, { roots: certificate });
    return async (): Promise<Connection> => {
      const client = NnrpClient.fromTransport(await connector.connect());
      const session = await openSession(client, OPERATIONS);
      return {
        exchange: (exchanges, firstLane, lanes) => {
          for (let lane = firstLane; lane < firstLane + lanes; lane++) {
            exchangeLane(session, exchanges, lane).catch((error: unknown) => exchanges.fail(error));
          }
        },
        close: () => client.close(),
      };
    };
  },
};
