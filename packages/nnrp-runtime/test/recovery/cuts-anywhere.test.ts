import { describe, expect, it } from 'vitest';
import { NnrpServer } from '../../src/server/server.js';
import { IpcConnector } from '../../src/transport/ipc/ipc.js';
import { TcpConnector } from '../../src/transport/tcp/tcp.js';
import { TlsConnector } from '../../src/transport/tls/tls.js';
import { issue } from '../support/certificates.js';
import { freePath } from '../transport/ipc/ipc-carrier.js';
import { type CutGround, cutAnywhere } from './cut-anywhere.js';
import { TcpCutNetwork } from './cut-network.js';
import { cutsWanted, seedWanted } from './cut-wishes.js';
import { type Plant, planted } from './planted.js';

const ANY_PORT = '127.0.0.1:0';
/** A handshake into silence is given up so soon. */
const CONNECT = { connectTimeoutMs: 600 };

const tcp: CutGround = {
  bind: (config) => NnrpServer.bindTcp(ANY_PORT, config),
  network: (server, dice) => TcpCutNetwork.before(server, dice),
  connector: (address) => new TcpConnector(address, CONNECT),
};

const ipc: CutGround = {
  bind: (config) => NnrpServer.bindIpc(freePath(), {}, config),
  network: (server, dice) => TcpCutNetwork.before(server, dice, freePath()),
  connector: (address) => new IpcConnector(address, CONNECT),
};

async function tls(): Promise<CutGround> {
  const { certificate, key } = await issue({ name: 'CN=server', ips: ['127.0.0.1'], dns: ['localhost'] });
  return {
    bind: (config) => NnrpServer.bindTls(ANY_PORT, { certificateChain: certificate, privateKey: key }, config),
    network: (server, dice) => TcpCutNetwork.before(server, dice),
    connector: (address) => new TlsConnector(address, { roots: certificate }, CONNECT),
  };
}

describe('a network that cuts connections anywhere', () => {
  it.each([
    ['tcp', () => tcp],
    ['tls', tls],
    ['a Unix domain socket', () => ipc],
  ])('costs nothing and doubles nothing over %s', { timeout: 60_000 + cutsWanted() * 1000 }, async (_, ground) => {
    const report = await cutAnywhere(await ground(), { seed: seedWanted(), cuts: cutsWanted() });
    if (process.env['NNRP_CUTS'] !== undefined) console.log(JSON.stringify(report));
    expect(report.resumed).toBeGreaterThan(0);
  });

  it('costs nothing and doubles nothing over preview4', { timeout: 60_000 + cutsWanted() * 1000 }, async () => {
    const report = await cutAnywhere(tcp, { seed: seedWanted(), cuts: cutsWanted(), revision: 'preview4' });
    if (process.env['NNRP_CUTS'] !== undefined) console.log(JSON.stringify(report));
    expect(report.resumed).toBeGreaterThan(0);
  });

  it.each<[Plant, RegExp]>([
    ['drops a partial', /expected \S+ \S+ , got/],
    ['doubles a partial', /expected \S+ \S+ , got/],
    ['swaps two results', /expected \S+ \S+ , got|expected \S+ last \d+ , got|a result behind the last|stray/],
    ['drops a last result', /has not ended within|partials of|stray/],
  ])('would find a layer that %s', async (plant, fault) => {
    const faulty = { ...tcp, connector: (address: string) => planted(tcp.connector(address), plant) };
    // None of these faults needs a cut to be found.
    await expect(cutAnywhere(faulty, { seed: 1, cuts: 1000, patienceMs: 3000 })).rejects.toThrow(fault);
  });
});
