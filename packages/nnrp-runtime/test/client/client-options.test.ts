import * as preview3 from 'nnrp-core/preview3';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { NnrpClient } from '../../src/client/client.js';
import { submitMetadata } from '../../src/client/submits/submit-options.js';
import { memoryPair } from '../../src/transport/memory.js';
import { carrier } from '../support/carrier.js';
import { ScriptedServer } from '../support/scripted-server.js';

const { CloseStatus, MessageType } = preview3;
const USAGE = { code: 'NNRP_ERR_USAGE' };

afterEach(() => ScriptedServer.clear());

async function opened(credit = 4) {
  const server = await ScriptedServer.start();
  return { server, session: await server.open(1, { grantedOperationCredit: credit }) };
}

describe('a submit is refused, and nothing is sent or queued,', () => {
  it.each([
    [{ signal: {} }, 'signal'],
    [{ signal: 'x' }, 'signal'],
    [{ signal: null }, 'signal'],
    [{ signal: new AbortController() }, 'signal'],
    [{ onBlocked: 'later' }, 'onBlocked'],
    [{ onBlocked: null }, 'onBlocked'],
    [{ timeoutMs: 5 }, "'timeoutMs'"],
    ['signal', 'expected an object, got a string of 6 characters'],
    [null, 'null'],
  ])('with the options %o', async (options, name) => {
    const { server, session } = await opened(1);
    const refusal = { ...USAGE, message: expect.stringContaining(name) };
    for (const frameId of [1, 2]) {
      expect(() => session.submitNow('x', options as never)).toThrow(expect.objectContaining(refusal));
      await expect(session.submit('x', options as never)).rejects.toMatchObject(refusal);
      await expect(session.request('x', options as never)).rejects.toMatchObject(refusal);
      // The second time the credit is used up: a wrong submit must not wait for its turn either.
      if (frameId === 1) session.submitNow('x');
    }
    const next = session.submit('next');
    server.drop(1, 1);
    expect((await next).frameId).toBe(2);
  });

  it.each([
    [{ latencyBudgetMs: 5 }, 'it is a field of the metadata: { metadata: { latencyBudgetMs } }'],
    [submitMetadata(), 'it is a field of the metadata: { metadata: { srcWidth } }'],
    [{ metadata: { signal: new AbortController().signal } }, 'it is an option of the submit: { signal }'],
    [{ metadata: { deadlineMs: 5 } }, 'it is an option of the submit: { deadlineMs }, beside metadata'],
    [{ metadata: { latencyBudget: 5 } }, "submit metadata: there is no option 'latencyBudget'"],
    [{ metadata: null }, 'metadata takes a value, got null'],
    [{ metadata: 'text' }, 'submit metadata: expected an object'],
  ])('with what belongs elsewhere, and the error says where: %o', async (options, text) => {
    const { session } = await opened();
    const refusal = { ...USAGE, message: expect.stringContaining(text) };
    expect(() => session.submitNow('x', options as never)).toThrow(expect.objectContaining(refusal));
    await expect(session.submit('x', options as never)).rejects.toMatchObject(refusal);
    await expect(session.request('x', options as never)).rejects.toMatchObject(refusal);
    expect(session.inFlightCount).toBe(0);
  });

  it('by submitMetadata, too', () => {
    const { signal } = new AbortController();
    expect(() => submitMetadata({ signal } as never)).toThrow(/'signal'; it is an option of the submit/);
  });
});

it('metadata is taken as it is, and beside other options', async () => {
  const { session } = await opened();
  const { signal } = new AbortController();
  expect(session.submitNow('x', { metadata: submitMetadata({ targetFpsX100: 1 }) }).frameId).toBe(1);
  expect(session.submitNow('x', { metadata: { ...submitMetadata() }, onBlocked: 'wait', signal }).frameId).toBe(2);
});

describe('a request is refused, and nothing is sent,', () => {
  it.each([0, -1, 1.5, 2 ** 31, Number.NaN, '5', null])('with the timeout %o', async (wrong) => {
    const { server, session } = await opened();
    const timeoutMs = wrong as number;
    const refusal = { ...USAGE, message: expect.stringContaining('timeoutMs') };
    const object = { namespace: 1, key: 1n, kind: preview3.CacheObjectKind.PromptSegment };
    const oldTransportId = carrier.transportId || preview3.TransportId.Quic;
    const move = { ...session.buildMigrationRequest(carrier.otherTransportId), oldTransportId };
    await expect(server.client.ping(timeoutMs)).rejects.toMatchObject(refusal);
    await expect(server.client.probe({ timeoutMs })).rejects.toMatchObject(refusal);
    await expect(session.patch({ qualityTier: 1 }, undefined, { timeoutMs })).rejects.toMatchObject(refusal);
    await expect(session.putObject(object, 'x', { timeoutMs })).rejects.toMatchObject(refusal);
    // A transport without an id on the wire cannot be left for another one.
    if (carrier.transportId !== preview3.TransportId.Unspecified)
      await expect(session.migrateTransport(move, { timeoutMs })).rejects.toMatchObject(refusal);
    await expect(server.client.hello({ timeoutMs } as never)).rejects.toMatchObject(USAGE);
    await server.settled();
  });

  it('with an option or a field that does not exist, or a patch that changes nothing', async () => {
    const { server, session } = await opened();
    const wrong = { quality: 1 } as never;
    await expect(session.patch(wrong)).rejects.toMatchObject(USAGE);
    await expect(session.patch({})).rejects.toMatchObject(USAGE);
    await expect(session.patch({ profileId: 1 })).rejects.toMatchObject(USAGE);
    await expect(session.patch({ qualityTier: 1 }, 'block', wrong)).rejects.toMatchObject(USAGE);
    await expect(session.close(wrong)).rejects.toMatchObject(USAGE);
    await expect(server.client.probe(wrong)).rejects.toMatchObject(USAGE);
    await server.settled();
    expect(session.state).toBe('open');
  });
});

describe('a client', () => {
  it.each([{ drain: 1 }, { drainTimeoutMs: -1 }, { reason: 'now' }, null])(
    'that is closed with the wrong options %o leaves everything open',
    async (options) => {
      const { server, session } = await opened();
      const code = expect.stringMatching(/NNRP_ERR_(USAGE|FIELD)/);
      await expect(server.client.close(options as never)).rejects.toMatchObject({ code });
      await server.settled();
      const other = await server.open(2);
      expect([session.state, other.state]).toEqual(['open', 'open']);
      const closing = server.client.close();
      for (const sessionId of [1, 2]) {
        await server.expect(MessageType.SessionClose);
        server.closeAck(sessionId, CloseStatus.Closed);
      }
      await closing;
    },
  );

  it('that gets a transport and a wrong option ends the transport, which is its own', () => {
    const [transport, other] = memoryPair();
    const abort = vi.spyOn(transport, 'abort');
    expect(() => NnrpClient.fromTransport(transport, { maxPacketBytes: 0 })).toThrow(/maxPacketBytes/);
    expect(abort).toHaveBeenCalledExactlyOnceWith(expect.objectContaining(USAGE));
    other.abort();
  });
});

it.each([5, 'x', {}, []])('a word about the flow of what is no operation is refused: %o', async (operation) => {
  const { server, session } = await opened();
  const refusal = { ...USAGE, message: expect.stringContaining('operation takes an operation') };
  expect(() => session.sendFlowUpdate({ operation: operation as never })).toThrow(expect.objectContaining(refusal));
  await server.settled();
  expect(session.state).toBe('open');
});

it.each([undefined, null, 5, {}, new Uint8Array(1)])('an error to be told of has a text, and no %o', async (text) => {
  const { server, session } = await opened();
  const refusal = { ...USAGE, message: expect.stringContaining('text takes a string') };
  expect(() => session.sendError(1, text as never)).toThrow(expect.objectContaining(refusal));
  await server.settled();
  expect(session.state).toBe('open');
});

it('authentication that is neither bytes nor text is refused by its name', async () => {
  const { server } = await opened();
  const refusal = { ...USAGE, message: expect.stringContaining('auth: expected bytes, text or a list of both') };
  await expect(server.client.openSession({ auth: 5 as never })).rejects.toMatchObject(refusal);
});

it('an operation that was frozen keeps no other from hearing of the end', async () => {
  vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
  const { server, session } = await opened();
  Object.freeze(session.submitNow('frozen'));
  const other = session.submitNow('other').result();
  server.vanish();
  await expect(other).rejects.toMatchObject({ code: 'NNRP_ERR_TRANSPORT' });
});
