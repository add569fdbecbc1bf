import * as preview3 from 'nnrp-core/preview3';
import { expect, it } from 'vitest';
import { NnrpClient } from '../src/client/client.js';
import { NnrpServer } from '../src/server/server.js';
import { issue } from './certificates.js';

const { TransportId } = preview3;

it('a client speaks TLS to a server whose certificate is for it, and to no other', async () => {
  const issued = await issue({ name: 'CN=server', ips: ['127.0.0.1'], use: 'server' });
  const tls = { certificateChain: issued.certificate, privateKey: issued.key };
  const server = await NnrpServer.bindTls('127.0.0.1:0', tls, { drainTimeoutMs: 0 });
  const client = await NnrpClient.connectTls(server.localAddress, { roots: issued.certificate });
  const clientSession = await client.openSession();
  const session = await server.accept();
  const operation = await clientSession.submit('over TLS');
  const submit = await session.receiveSubmit();
  await session.sendResult(submit.frameId, {}, submit.body);
  expect(new TextDecoder().decode((await operation.result()).body)).toBe('over TLS');
  expect(clientSession.buildMigrationRequest(TransportId.Quic).oldTransportId).toBe(TransportId.Tcp);
  await expect(NnrpClient.connectTls(server.localAddress)).rejects.toMatchObject({ code: 'NNRP_ERR_TRANSPORT' });
  const closing = client.close();
  await session.ackClose(await session.receiveClose());
  await closing;
  await server.close();
});
