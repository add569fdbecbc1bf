import { it } from 'vitest';
import type { NnrpServer } from '../../../nnrp-runtime/src/server/server.js';
import { CutProxy } from '../../../nnrp-runtime/test/preview4/model/cut-proxy.js';
import type { PairGround } from '../../../nnrp-runtime/test/preview4/model/pair-ground.js';
import { runsWanted, timeoutOf, walkOver } from '../../../nnrp-runtime/test/preview4/model/pair-walk.js';
import { bindWebSocket, webSocketConnector } from '../../src/index.js';

/** To the compiler nnrp-runtime and its sources are two packages, see websocket-carrier.ts. */
const webSocket: PairGround = {
  bind: async (config) =>
    (await bindWebSocket('127.0.0.1:0', { maxHandshakesPerAddress: 0 }, config)) as unknown as NnrpServer,
  network: (server) => CutProxy.before(new URL(server).host),
  connector: ({ address }) => webSocketConnector(`ws://${address}/`),
};

const RUNS = runsWanted(15);

it('client and server over WebSocket are what the model of preview4 says, whatever either of them does', {
  timeout: timeoutOf(RUNS),
}, async () => {
  await walkOver(webSocket, RUNS);
});
