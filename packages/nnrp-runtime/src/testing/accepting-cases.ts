import { ok, rejects, strictEqual } from 'node:assert';
import { isNnrpError } from 'nnrp-core';
import type { FramedTransport } from '../transport/contract/contract.js';
import type { ComplianceCase, ComplianceSetup } from './compliance-setup.js';
import { ComplianceStage } from './compliance-stage.js';
import { RecordingSink } from './recording-sink.js';
import { assertTestPacket, TestPacket } from './test-packet.js';

const AT_ONCE = 100;

/** What a listener does. */
export function acceptingCases(setup: ComplianceSetup): ComplianceCase[] {
  return [
    {
      name: 'says the same kind everywhere, and names the peer',
      run: () => ComplianceStage.use(setup, kindAndAddress),
    },
    {
      name: `accepts ${AT_ONCE} connections at once and keeps them apart`,
      run: () => ComplianceStage.use(setup, manyAtOnce),
    },
    {
      name: 'rejects accept() with ClosedError once the listener is closed, also one that waits',
      run: () => ComplianceStage.use(setup, acceptAfterClose),
    },
    {
      name: 'refuses connections once the listener is closed',
      run: () => ComplianceStage.use(setup, connectAfterClose),
    },
    {
      name: 'leaves accepted connections alone when the listener is closed, and ends the others',
      run: () => ComplianceStage.use(setup, connectionsOutlive),
    },
    {
      name: 'goes on accepting after connections that ended before they were accepted',
      run: () => ComplianceStage.use(setup, goneBeforeAccept),
    },
  ];
}

async function kindAndAddress(stage: ComplianceStage): Promise<void> {
  const { client, server } = await stage.connect();
  const { listener } = stage.endpoint;
  strictEqual(client.kind, listener.kind, 'kind of the connecting end');
  strictEqual(server.kind, listener.kind, 'kind of the accepted end');
  ok(listener.address !== '', 'the listener has no address');
  ok(client.remoteAddress !== '' && server.remoteAddress !== '', 'an end does not know its peer');
}

async function manyAtOnce(stage: ComplianceStage): Promise<void> {
  const { listener } = stage.endpoint;
  const accepting = Array.from({ length: AT_ONCE }, () => listener.accept());
  const connecting = Array.from({ length: AT_ONCE }, () => stage.endpoint.connect());
  const clients = await stage.wait(Promise.all(connecting), `${AT_ONCE} times connect()`);
  const servers = await stage.wait(Promise.all(accepting), `${AT_ONCE} times accept()`);
  for (const transport of [...clients, ...servers]) stage.adopt(transport);
  // Each server sends back what it gets: connections need not be accepted in the order they were made.
  for (const server of servers) {
    const sink = new RecordingSink(stage.timeoutMs);
    sink.onPacket = (packet) => server.send(new TestPacket(packet.frameId, packet.bodyLength));
    server.start(sink);
  }
  const sinks = clients.map((client, index) => {
    const sink = new RecordingSink(stage.timeoutMs);
    client.start(sink);
    for (let number = 1; number <= 10; number++) client.send(new TestPacket(index * 100 + number, index));
    return sink;
  });
  for (const [index, sink] of sinks.entries()) {
    await sink.untilPackets(10);
    for (let number = 1; number <= 10; number++) {
      assertTestPacket(sink.packets[number - 1], index * 100 + number, index);
    }
  }
}

async function acceptAfterClose(stage: ComplianceStage): Promise<void> {
  const { listener } = stage.endpoint;
  const waiting = [listener.accept(), listener.accept()];
  await stage.wait(listener.close(), 'close() of the listener');
  for (const accept of [...waiting, listener.accept(), listener.accept()]) {
    const refused = rejects(accept, (error) => isNnrpError(error, 'NNRP_ERR_CLOSED'));
    await stage.wait(refused, 'accept() to reject with ClosedError');
  }
  await stage.wait(listener.close(), 'close() of the listener, again');
}

async function connectAfterClose(stage: ComplianceStage): Promise<void> {
  await stage.wait(stage.endpoint.listener.close(), 'close() of the listener');
  const refused = rejects(stage.endpoint.connect(), (error) => isNnrpError(error));
  await stage.wait(refused, 'connect() to reject');
}

async function connectionsOutlive(stage: ComplianceStage): Promise<void> {
  const { client, server, clientSink, serverSink } = await stage.started();
  const orphan = await stage.wait(stage.endpoint.connect(), 'connect()');
  stage.adopt(orphan);
  // One round trip, so that the listener has the other connection before it closes.
  client.send(new TestPacket(1, 10));
  await serverSink.untilPackets(1);
  await stage.wait(stage.endpoint.listener.close(), 'close() of the listener');
  const orphanSink = new RecordingSink(stage.timeoutMs);
  orphan.start(orphanSink);
  await orphanSink.untilClosed();
  client.send(new TestPacket(2, 5000));
  await serverSink.untilPackets(2);
  server.send(new TestPacket(3, 5000));
  await clientSink.untilPackets(1);
  assertTestPacket(serverSink.packets[1], 2, 5000);
  assertTestPacket(clientSink.packets[0], 3, 5000);
}

async function goneBeforeAccept(stage: ComplianceStage): Promise<void> {
  const clients: FramedTransport[] = [];
  for (let count = 0; count < 10; count++) clients.push(await stage.wait(stage.endpoint.connect(), 'connect()'));
  const closing = clients.filter((_, index) => index % 2 === 1).map((client) => client.close());
  for (const client of clients.filter((_, index) => index % 2 === 0)) client.abort();
  await stage.wait(Promise.all(closing), 'close()');
  for (const _ of clients) {
    const server = await stage.wait(stage.endpoint.listener.accept(), 'accept()');
    stage.adopt(server);
    const sink = new RecordingSink(stage.timeoutMs);
    server.start(sink);
    await sink.untilClosed();
  }
  const { client, serverSink } = await stage.started();
  client.send(new TestPacket(1, 10));
  await serverSink.untilPackets(1);
}
