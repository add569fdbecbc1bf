import { describe, expect, it } from 'vitest';
import type { NnrpServer } from '../../../nnrp-runtime/src/server/server.js';
import { type CutGround, cutAnywhere } from '../../../nnrp-runtime/test/recovery/cut-anywhere.js';
import { TcpCutNetwork } from '../../../nnrp-runtime/test/recovery/cut-network.js';
import { cutsWanted, seedWanted } from '../../../nnrp-runtime/test/recovery/cut-wishes.js';
import { bindWebSocket, webSocketConnector } from '../../src/index.js';

/** To the compiler nnrp-runtime and its sources are two packages, see websocket-carrier.ts. */
const webSocket: CutGround = {
  bind: async (options) => (await bindWebSocket('127.0.0.1:0', {}, options)) as unknown as NnrpServer,
  network: (server, dice) => TcpCutNetwork.before(new URL(server).host, dice),
  // A handshake into silence is given up so soon.
  connector: (address) => webSocketConnector(`ws://${address}/`, { connectTimeoutMs: 600 }),
};

describe('a network that cuts connections anywhere', () => {
  it('costs nothing and doubles nothing over WebSocket', { timeout: 60_000 + cutsWanted() * 1000 }, async () => {
    const report = await cutAnywhere(webSocket, { seed: seedWanted(), cuts: cutsWanted() });
    if (process.env['NNRP_CUTS'] !== undefined) console.log(JSON.stringify(report));
    expect(report.resumed).toBeGreaterThan(0);
  });
});
