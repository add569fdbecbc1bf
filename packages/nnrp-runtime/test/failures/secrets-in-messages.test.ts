import { inspect } from 'node:util';
import { afterEach, describe, expect, it } from 'vitest';
import { NnrpClient } from '../../src/client/client.js';
import { NnrpServer } from '../../src/server/server.js';
import { issue } from '../support/certificates.js';
import { Stage } from '../support/stage.js';

const stage = new Stage();
afterEach(() => stage.clear());

const TOKEN = 'S3CRETTOKEN';
const own = await issue({ name: 'CN=own', authority: true, ips: ['127.0.0.1'] });
const OWN = { certificateChain: own.certificate, privateKey: own.key };
/** Something of the key itself; a PEM block is known by its first line. */
const OF_THE_KEY = own.key.split('\n')[1]?.slice(0, 20) as string;

/** Calls with a secret where something else belongs. */
const TOKENS: Readonly<Record<string, () => unknown>> = {
  'options of a client': () => NnrpClient.connectTcp('127.0.0.1:1', TOKEN as never),
  'a hello': () => NnrpClient.connectTcp('127.0.0.1:1', { hello: TOKEN as never }),
  'a number': () => NnrpClient.connectTcp('127.0.0.1:1', { connectTimeoutMs: TOKEN as never }),
  'an address with a password': () => NnrpClient.connectTcp(`x://user:${TOKEN}@host:1`),
  'an address with a user': () => NnrpClient.connectTcp(`${TOKEN}@host:1`),
  'an address with a query': () => NnrpClient.connectTcp(`host:1?token=${TOKEN}`),
  'an address as an object': () => NnrpClient.connectTcp({ host: `user:${TOKEN}@host`, port: 1 } as never),
  'options of a server': () => NnrpServer.bindTcp('127.0.0.1:0', TOKEN as never),
  'a list of a server': () => NnrpServer.bindTcp('127.0.0.1:0', { supportedProfiles: [TOKEN] as never }),
  'a policy of a server': () => NnrpServer.bindTcp('127.0.0.1:0', { applicationPolicy: TOKEN as never }),
};
const KEYS: Readonly<Record<string, () => unknown>> = {
  minVersion: () => NnrpServer.bindTls('127.0.0.1:0', { ...OWN, minVersion: own.key as never }),
  clientCertificates: () => NnrpServer.bindTls('127.0.0.1:0', { ...OWN, clientCertificates: own.key as never }),
  handshakeTimeoutMs: () => NnrpServer.bindTls('127.0.0.1:0', { ...OWN, handshakeTimeoutMs: own.key as never }),
  serverName: () => NnrpClient.connectTls('127.0.0.1:1', { serverName: own.key }),
  'TLS options': () => NnrpClient.connectTls('127.0.0.1:1', own.key as never),
  address: () => NnrpClient.connectTls(own.key),
};

async function refusal(call: () => unknown): Promise<Error> {
  const error: unknown = await (async () => call())().catch((reason: unknown) => reason);
  expect(error).toMatchObject({ code: 'NNRP_ERR_USAGE' });
  return error as Error;
}

describe('a message about a wrong option shows no secret', () => {
  it.each(Object.entries(TOKENS))('that is given for %s', async (_, call) => {
    const error = await refusal(call);
    expect(inspect(error, { depth: 9 }).replace(error.stack ?? '', error.message)).not.toContain(TOKEN);
  });

  it.each(Object.entries(KEYS))('that is a private key, given for %s', async (name, call) => {
    const error = await refusal(call);
    expect(error.message).toContain(name);
    expect(error.message).toContain(`got a string of ${own.key.length} characters`);
    const shown = inspect(error, { depth: 9 });
    for (const part of ['PRIVATE KEY', OF_THE_KEY]) expect(shown).not.toContain(part);
  });

  it('that is given to a client for its sessions', async () => {
    const { client, clientSession } = await stage.session();
    for (const call of [
      () => client.openSession(TOKEN as never),
      () => client.openSession({ extensions: TOKEN as never }),
      () => client.openSession({ profileId: TOKEN as never }),
      () => client.probe(TOKEN as never),
      () => clientSession.submit('x', { metadata: TOKEN as never }),
      () => clientSession.submit('x', { traceId: TOKEN as never }),
      () => clientSession.submit('x', { deadlineMs: TOKEN as never }),
      () => clientSession.submit('x', { metadata: { tileCount: TOKEN as never } }),
    ]) {
      const error: unknown = await (async () => call())().catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(Error);
      expect((error as Error).message).toMatch(/a string of 11 characters/);
      expect(inspect(error, { depth: 9 })).not.toContain(TOKEN);
    }
  });
});
