import { connect } from 'node:tls';
import * as preview3 from 'nnrp-core/preview3';
import { NnrpClient, NnrpServer } from 'nnrp-runtime';
import { QuicProvider, QuicServerEndpointConfig } from 'nnrp-transport-quic';
import type { BaselineCase } from '../baseline-case.js';
import type { Checks } from '../checks.js';
import { checkGolden } from '../golden.js';
import type { Stage } from '../stage.js';
import { closeBytes, openBytes, submitBytes } from '../wire-messages.js';
import { selfSigned } from './self-signed.js';

const { MessageType, TransportId } = preview3;

/** A whole session of our client: open, submit, partial and terminal results, close. */
async function checkWholeSession(check: Checks, stage: Stage, server: NnrpServer, client: NnrpClient, over: string) {
  const opening = stage.later(client.openSession());
  const session = await stage.within(server.accept(), `a session over ${over}`);
  const clientSession = await stage.within(opening, `a session over ${over}`);
  const payload = new Uint8Array(300_000).map((_byte, index) => index * 31);
  const operation = clientSession.submitNow(payload);
  const submitted = await stage.within(session.receiveSubmit(), 'the submit');
  check.ok(Buffer.compare(submitted.body, payload) === 0, `300000 bytes to the server over ${over}`);
  await submitted.push('part');
  await submitted.complete(submitted.body);
  const bodies: Uint8Array[] = [];
  const read = stage.later(
    (async () => {
      for await (const { body } of operation) bodies.push(body);
    })(),
  );
  await stage.within(read, 'the results');
  check.equal(
    bodies.map(({ length }) => length),
    [4, 300_000],
    `results over ${over}`,
  );
  check.ok(Buffer.compare(bodies[1] ?? payload.subarray(1), payload) === 0, `300000 bytes back over ${over}`);
  const closing = stage.later(clientSession.close());
  await session.ackClose(await stage.within(session.receiveClose(), 'the close'));
  await stage.within(closing, 'the close');
  check.equal([session.state, clientSession.state], ['closed', 'closed'], `both ends over ${over}`);
}

/** Cases of the transports. */
export const TRANSPORT_CASES: readonly BaselineCase[] = [
  {
    id: 'l3.transport.tcp.minimum',
    exercised:
      'A whole session (open, 300000 bytes both ways, partial and terminal result, close) over real TCP and over ' +
      'TLS with ALPN nnrp/1-tcp; a raw peer sends its packets byte by byte and in one piece and gets the same ' +
      'answers; a client that does not trust the certificate gets no session.',
    async run(check: Checks, stage) {
      const server = await stage.serve();
      await checkWholeSession(check, stage, server, await stage.connect(server), 'TCP');
      const packets = [openBytes({ requestedSessionId: 5 }), submitBytes(5, 1), closeBytes(5, { lastOperationId: 1n })];
      const answers: number[][] = [];
      for (const pieces of [packets, [...Buffer.concat(packets)].map((byte) => Uint8Array.of(byte))]) {
        const peer = await stage.peer(server);
        for (const piece of pieces) peer.send(piece);
        const session = await stage.within(server.accept(), 'the session of the raw peer');
        await session.ackClose(await stage.within(session.receiveClose(), 'the close'));
        const types: number[] = [];
        for (let count = 0; count < 3; count++) types.push((await peer.next('an answer')).messageType);
        answers.push(types);
      }
      const { ResultDrop, SessionCloseAck, SessionOpenAck } = MessageType;
      check.equal<unknown>(
        answers[0],
        [SessionOpenAck, ResultDrop, SessionCloseAck],
        'answers to packets in one piece',
      );
      check.equal(answers[1], answers[0], 'answers to packets byte by byte');

      const { certificate, key } = await selfSigned();
      const tls = { certificateChain: certificate, privateKey: key };
      const secure = stage.owned(await NnrpServer.bindTls('127.0.0.1:0', tls, { deadlines: false, drainTimeoutMs: 0 }));
      const trusting = { roots: certificate, serverName: 'localhost', requireAlpn: true };
      const client = await NnrpClient.connectTls(secure.localAddress, trusting);
      await checkWholeSession(check, stage, secure, client, 'TLS');
      await client.close();
      const refused = NnrpClient.connectTls(secure.localAddress, { serverName: 'localhost' });
      await check.rejects(
        stage.within(refused, 'the refusal'),
        'NNRP_ERR_TRANSPORT',
        'a certificate nobody vouches for',
      );
      const port = Number(secure.localAddress.split(':')[1]);
      const socket = connect({
        host: '127.0.0.1',
        port,
        ca: certificate,
        servername: 'localhost',
        ALPNProtocols: ['nnrp/1-tcp'],
      });
      const protocol = await new Promise((resolve, reject) => {
        socket.once('secureConnect', () => resolve(socket.alpnProtocol)).once('error', reject);
      });
      socket.destroy();
      check.equal(protocol, 'nnrp/1-tcp', 'the protocol of the TLS server');
    },
  },
  {
    id: 'l3.transport.quic.minimum',
    exercised:
      'A whole session (open, 300000 bytes both ways, partial and terminal result, close) over real QUIC with ALPN ' +
      'nnrp/1; a client that does not trust the certificate gets no session, nor does one that calls the server by ' +
      'another name; a session on TCP announces a migration to transport_id 1, whose golden bytes round-trip.',
    async run(check: Checks, stage) {
      const { config, certificate } = QuicServerEndpointConfig.selfSignedLocalhost('127.0.0.1:0');
      const server = stage.owned(await QuicProvider.bind(config, { deadlines: false, drainTimeoutMs: 0 }));
      check.equal(server.config.transport, 'quic', 'the kind of the transport');
      const roots = certificate.certificateDer;
      const client = await QuicProvider.connect(server.localAddress, { roots });
      await checkWholeSession(check, stage, server, client, 'QUIC');
      await client.close();
      for (const [wrong, what] of [
        [{}, 'a certificate nobody vouches for'],
        [{ roots, serverName: 'elsewhere.example' }, 'a certificate for another name'],
      ] as const) {
        const refused = QuicProvider.connect(server.localAddress, wrong);
        await check.rejects(stage.within(refused, 'the refusal'), 'NNRP_ERR_TRANSPORT', what);
      }
      checkGolden(check, 'gen.session_migrate.2_to_1');
      const { session, clientSession } = await stage.session();
      const request = clientSession.buildMigrationRequest(TransportId.Quic);
      check.equal<unknown>([request.oldTransportId, request.newTransportId], [2, 1], 'the request');
      const answer = stage.later(clientSession.migrateTransport(request));
      await session.sendMigrateAck(await stage.within(session.receiveMigrate(), 'the migration'));
      const ack = await stage.within(answer, 'the answer');
      check.ok(ack.acceptCode !== 0, 'the server does not accept');
    },
  },
];
