import { once } from 'node:events';
import { connect } from 'node:tls';
import { expect, it } from 'vitest';
import { NnrpServer } from '../../../src/server/server.js';
import { Peer, packet, submit, T } from '../../preview4/peer.js';
import { issue } from '../../support/certificates.js';

it('a client of preview4 is served over TLS, without ALPN as the reference client has it', async () => {
  const { certificate, key } = await issue({ name: 'CN=server', ips: ['127.0.0.1'], dns: ['localhost'] });
  const tls = { certificateChain: certificate, privateKey: key };
  const server = await NnrpServer.bindTls('127.0.0.1:0', tls);
  server.serve({ submit: (operation) => `${operation.session.revision} ${operation.text()}` });
  const [host = '', port = ''] = server.localAddress.split(':');
  const socket = connect({ host, port: Number(port), ca: certificate, servername: 'localhost' });
  await once(socket, 'secureConnect');
  const peer = new Peer(socket);
  const { session } = await peer.opened();
  peer.send(packet(T.submit, { session, frame: 1 }, submit({ operation: 1 }), 'ping'));
  expect((await peer.get(T.result)).text).toBe('preview4 ping');
  peer.end();
  await server.close();
});
