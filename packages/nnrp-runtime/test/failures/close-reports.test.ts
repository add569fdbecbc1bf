import * as preview3 from 'nnrp-core/preview3';
import { afterEach, describe, expect, it } from 'vitest';
import { ScriptedServer } from '../support/scripted-server.js';
import { Stage } from '../support/stage.js';

const { CloseStatus, InFlightPolicy, MessageType } = preview3;
const stage = new Stage();
afterEach(async () => {
  await ScriptedServer.clear();
  await stage.clear();
});

describe('a close', () => {
  it('of a client gives work in progress its time by default, and says that nothing was cut', async () => {
    const { client, session, clientSession } = await stage.session();
    const operation = await clientSession.submit('work');
    const work = await session.receiveSubmit();
    const closing = client.close();
    const close = await session.receiveClose();
    expect([close.metadata.inFlightPolicy, close.metadata.drainTimeoutMs]).toEqual([InFlightPolicy.Drain, 5000]);
    const acked = session.ackClose();
    await work.complete('done');
    await acked;
    expect(await closing).toEqual({ drained: true, cut: [] });
    expect((await operation.result()).partial).toBe(false);
  });

  it('of a session with nothing in progress asks for no time', async () => {
    const { session, clientSession } = await stage.session();
    const closing = clientSession.close();
    expect((await session.receiveClose()).metadata.drainTimeoutMs).toBe(0);
    await session.ackClose();
    expect(await closing).toEqual({ drained: true, cut: [] });
  });

  it('says what it has cut, and so does the error of what was cut', async () => {
    const { session, clientSession } = await stage.session();
    const operation = await clientSession.submit('work');
    const cut = expect(operation.result()).rejects.toThrow(
      `session ${clientSession.sessionId} was closed by the client`,
    );
    await session.receiveSubmit();
    const closing = clientSession.close({ drainTimeoutMs: 10 });
    await session.ackClose(await session.receiveClose());
    const report = { drained: false, cut: [{ sessionId: clientSession.sessionId, frameId: 1 }] };
    expect(await closing).toEqual(report);
    await cut;
    expect(await clientSession.close()).toEqual(report);
  });

  it('of a client says what the end of its connection has cut, before it and with it, each time', async () => {
    const { client, server, session, clientSession } = await stage.session();
    const operation = await clientSession.submit('work');
    const cut = expect(operation.result()).rejects.toMatchObject({ code: 'NNRP_ERR_TRANSPORT' });
    await session.receiveSubmit();
    void stage.drop(client);
    await cut;
    const report = { drained: false, cut: [{ sessionId: clientSession.sessionId, frameId: 1 }] };
    for (let time = 0; time < 2; time++) expect(await client.close()).toEqual(report);

    const other = await stage.connect(server);
    const otherSession = await other.openSession();
    const work = expect((await otherSession.submit('work')).result()).rejects.toMatchObject({
      code: 'NNRP_ERR_CLOSED',
    });
    const closing = other.close({ drainTimeoutMs: 10 });
    const accepted = await server.accept();
    await accepted.ackClose(await accepted.receiveClose());
    expect(await closing).toEqual({ drained: false, cut: [{ sessionId: otherSession.sessionId, frameId: 1 }] });
    await work;
    expect(await other.close()).toEqual(await closing);
  });

  it('of a server gives work in progress its time by default, and says what it has cut', async () => {
    const { server, session, clientSession } = await stage.session({ drainTimeoutMs: 10 });
    const operations = [await clientSession.submit('1'), await clientSession.submit('2')];
    const [first] = [await session.receiveSubmit(), await session.receiveSubmit()];
    const outcomes = Promise.allSettled(operations.map((operation) => operation.result()));
    const closing = session.close();
    await first?.complete('done');
    const report = { drained: false, cut: [{ sessionId: session.sessionId, frameId: 2 }] };
    expect(await server.close()).toEqual(report);
    await closing;
    expect(session.closeReport).toEqual(report);
    expect((await outcomes).map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
  });

  it('that leaves less time than the one before cuts what is in progress when it is over', async () => {
    const { session, clientSession } = await stage.session();
    const operation = await clientSession.submit('work');
    const cut = expect(operation.result()).rejects.toMatchObject({ code: 'NNRP_ERR_CLOSED' });
    const work = await session.receiveSubmit();
    const closing = clientSession.close({ drainTimeoutMs: 3_600_000 });
    const acked = session.ackClose(await session.receiveClose());
    expect(clientSession.close({ inFlightPolicy: InFlightPolicy.Abort })).toBe(closing);
    await cut;
    await Promise.all([acked, work.finished]);
    expect((await closing).cut).toEqual([{ sessionId: clientSession.sessionId, frameId: 1 }]);
  });
});

describe('a server that asks to close with the longest drain there is', () => {
  const drainTimeoutMs = 0xffffffff;

  async function asked(config = {}) {
    const server = await ScriptedServer.start({ closeTimeoutMs: 1000, ...config });
    const session = await server.open(1);
    const operation = session.submitNow('work');
    const outcome = operation.result().catch((error: Error) => error.message);
    await server.expect(MessageType.FrameSubmit);
    server.close(1, { drainTimeoutMs });
    await server.expect(MessageType.SessionCloseAck);
    return { server, session, outcome };
  }

  const closedAck = async (server: ScriptedServer) => {
    const packet = await server.expect(MessageType.SessionCloseAck);
    return preview3.decodeSessionCloseAck(packet.view, packet.metadataStart).closeStatus;
  };

  it('waits no longer than maxServerDrainMs', async () => {
    const { server, session, outcome } = await asked({ maxServerDrainMs: 20 });
    expect(await outcome).toContain('the server is shutting down');
    expect(await closedAck(server)).toBe(CloseStatus.Closed);
    expect(session.endReason).toMatchObject({ code: 'NNRP_ERR_CLOSED' });
  });

  it.each(['session', 'client'] as const)('does not keep an abort of the %s waiting', async (whose) => {
    const { server, session, outcome } = await asked();
    const options = { inFlightPolicy: InFlightPolicy.Abort };
    const report = { drained: false, cut: [{ sessionId: 1, frameId: 1 }] };
    expect(await (whose === 'session' ? session : server.client).close(options)).toEqual(report);
    expect(await outcome).toContain('the server is shutting down');
    expect(await closedAck(server)).toBe(CloseStatus.Closed);
  });

  it('does not keep a close waiting for longer than its own drain', async () => {
    const { server, session, outcome } = await asked();
    expect((await session.close({ drainTimeoutMs: 20 })).drained).toBe(false);
    expect(await outcome).toContain('the server is shutting down');
    expect(await closedAck(server)).toBe(CloseStatus.Closed);
  });
});
