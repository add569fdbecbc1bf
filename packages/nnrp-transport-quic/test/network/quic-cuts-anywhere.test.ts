import { describe, expect, it } from 'vitest';
import type { NnrpServer } from '../../../nnrp-runtime/src/server/server.js';
import { type CutGround, cutAnywhere } from '../../../nnrp-runtime/test/recovery/cut-anywhere.js';
import { cutsWanted, seedWanted } from '../../../nnrp-runtime/test/recovery/cut-wishes.js';
import { QuicConnector } from '../../src/quic-connector.js';
import { QuicProvider } from '../../src/quic-provider.js';
import { QuicServerEndpointConfig } from '../../src/server-endpoint-config.js';
import { QuicCutNetwork } from './quic-cut-network.js';

const { config, certificate } = QuicServerEndpointConfig.selfSignedLocalhost('127.0.0.1:0');
/** A handshake into the dark is given up so soon. */
const CLIENT = { roots: certificate.certificateDer, handshakeTimeoutMs: 600 };

/** To the compiler nnrp-runtime and its sources are two packages, see quic-carrier.ts. */
const quic: CutGround = {
  bind: async (options) => (await QuicProvider.bind(config, options)) as unknown as NnrpServer,
  network: (server, dice) => QuicCutNetwork.before(server, dice),
  connector: (address) => new QuicConnector(address, CLIENT, { connectTimeoutMs: 600 }),
};

/** Silence alone ends these connections, and takes its time to be found. */
const USUAL_CUTS = 15;

describe('a network that goes dark', () => {
  const cuts = cutsWanted(USUAL_CUTS);

  it('costs nothing and doubles nothing over QUIC', { timeout: 60_000 + cuts * 2000 }, async () => {
    const report = await cutAnywhere(quic, { seed: seedWanted(), cuts });
    if (process.env['NNRP_CUTS'] !== undefined) console.log(JSON.stringify(report));
    expect(report.resumed).toBeGreaterThan(0);
  });
});
