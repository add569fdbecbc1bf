import { describe, expect, it } from 'vitest';
import type { CloseOptions } from '../../../src/client/session/close-options.js';
import { preview4Stage } from './preview4-stage.js';
import { metadata, T } from './raw-server.js';

const stage = preview4Stage();

describe('the end of a session over preview4', () => {
  it('takes what comes between the close and its confirmation, and drops what comes behind', async () => {
    const { client, link } = await stage.serve({
      onClose(raw, close) {
        const submit = raw.received.find(({ type }) => type === T.SUBMIT);
        if (submit === undefined) return false;
        raw.progress(submit, 1, 100);
        raw.partial(submit, 1, 'late part');
        raw.result(submit, 'late result');
        raw.closeAck(close);
        // For a session that is over: dropped.
        raw.progress(submit, 2, 200);
        raw.send(T.FLOW, close.session, 0, metadata(32, [0, 8, 1], [16, 32, 0]));
        return true;
      },
    });
    const session = await client.openSession();
    const operation = await session.submit('x');
    await link.next(T.SUBMIT);
    const result = operation.result();
    expect(await session.close({ drainTimeoutMs: 0 })).toEqual({ drained: true, cut: [] });
    expect((await result).text()).toBe('late result');
    // The connection has survived what came behind.
    expect((await client.openSession()).sessionId).toBe(2);
    expect(link.death).toBeUndefined();
  });

  it('waits for what is in flight before the server is asked, which would give no answer to it', async () => {
    const { client, link } = await stage.serve();
    const session = await client.openSession();
    const [first, second] = [await session.submit('x'), await session.submit('y')];
    const submits = [await link.next(T.SUBMIT), await link.next(T.SUBMIT)] as const;
    const closed = session.close();
    await expect(session.submit('z')).rejects.toMatchObject({ code: 'NNRP_ERR_CLOSED' });
    expect(session.state).toBe('closing');
    link.result(submits[0], 'one');
    expect((await first.result()).text()).toBe('one');
    // Whatever was sent has come by now.
    await client.probe();
    expect(link.received.some(({ type }) => type === T.SESSION_CLOSE)).toBe(false);
    link.dropReason(submits[1], 6);
    expect(await closed).toEqual({ drained: true, cut: [] });
    await expect(second.result()).rejects.toMatchObject({ code: 'NNRP_ERR_RESULT_DROPPED' });
    expect(link.death).toBeUndefined();
  });

  it.each<[string, CloseOptions | undefined, CloseOptions | undefined]>([
    ['no longer than it is told', { drainTimeoutMs: 30 }, undefined],
    ['not at all when it is told so', { drainTimeoutMs: 0 }, undefined],
    ['not for what is to be cut', { inFlightPolicy: 1 }, undefined],
    ['less when it is told so later', undefined, { drainTimeoutMs: 30 }],
    ['no more when it is told so later', undefined, { drainTimeoutMs: 0 }],
  ])('waits %s', async (_name, options, later) => {
    const { client, link } = await stage.serve({}, { closeTimeoutMs: 5000 });
    const session = await client.openSession();
    const operation = await session.submit('x');
    await link.next(T.SUBMIT);
    const closed = session.close(options);
    if (later !== undefined) await session.close(later);
    expect(await closed).toEqual({ drained: false, cut: [{ sessionId: 1, frameId: 1 }] });
    await expect(operation.result()).rejects.toMatchObject({ code: 'NNRP_ERR_CLOSED' });
    expect(link.received.filter(({ type }) => type === T.SESSION_CLOSE)).toHaveLength(1);
    expect(link.death).toBeUndefined();
  });

  it('ends with the connection while the server is not yet asked', async () => {
    const { client, link } = await stage.serve({}, { reconnect: 'never' });
    const session = await client.openSession();
    const operation = await session.submit('x');
    await link.next(T.SUBMIT);
    const closed = session.close();
    link.socket.destroy();
    await expect(closed).rejects.toMatchObject({ code: 'NNRP_ERR_TRANSPORT' });
    await expect(operation.result()).rejects.toMatchObject({ code: 'NNRP_ERR_TRANSPORT' });
  });

  it('ends the connection over a session that never was', async () => {
    const { client, link } = await stage.serve();
    await client.openSession();
    link.send(T.TRACE, 99, 0, metadata(32, [0, 64, 1], [8, 64, 1]));
    expect(await client.closed).toMatchObject({ code: 'NNRP_ERR_PROTOCOL' });
  });

  it('reports what breaks a rule, and goes on', async () => {
    const { client, link } = await stage.serve();
    const session = await client.openSession();
    const operation = await session.submit('x');
    const submit = await link.next(T.SUBMIT);
    const events = session.events()[Symbol.asyncIterator]();
    link.send(T.TRACE, 1, 0, metadata(32, [0, 64, 1]));
    link.send(T.PROGRESS, 1, 1, metadata(32, [0, 64, 555]));
    link.send(T.PARTIAL, 1, 1, metadata(40, [0, 64, 555], [8, 64, 1], [32, 32, 2]), 'no');
    link.send(T.DROP_REASON, 1, 1, metadata(32, [0, 64, 555], [16, 16, 2]));
    link.send(T.PROGRESS, 1, 7, metadata(32, [0, 64, 7]));
    const types: unknown[] = [];
    for (let count = 0; count < 5; count++) types.push((await events.next()).value?.type);
    expect(types).toEqual(['protocolViolation', 'protocolViolation', 'stray', 'stray', 'stray']);
    link.result(submit, 'fine');
    expect((await operation.result()).text()).toBe('fine');
    // A second result belongs to nothing, and costs nothing.
    link.send(T.RESULT, 1, 1, metadata(64, [0, 16, 200]), 'again');
    expect((await events.next()).value?.type).toBe('stray');
    link.progress(submit, 5, 100);
    expect((await session.close()).drained).toBe(true);
  });

  it('costs one session alone when its metadata is malformed', async () => {
    const { client, link } = await stage.serve();
    const [first, second] = await Promise.all([client.openSession(), client.openSession()]);
    const operation = await first.submit('x');
    await link.next(T.SUBMIT);
    link.send(T.PROGRESS, first.sessionId, 1, metadata(32, [0, 64, 1], [18, 16, 20_000]));
    await expect(operation.result()).rejects.toMatchObject({ code: 'NNRP_ERR_PROTOCOL' });
    expect(second.state).toBe('open');
    const waiting = second.request('still there');
    const submit = await link.next(T.SUBMIT);
    link.result(submit, 'yes');
    expect((await waiting).text()).toBe('yes');
    expect(link.death).toBeUndefined();
  });

  it('does not wait behind a result that lacks tiles: it ends its operation', async () => {
    const { client, link } = await stage.serve();
    const session = await client.openSession();
    const operation = await session.submit('x');
    await link.next(T.SUBMIT);
    const lacking = metadata(
      64,
      [0, 16, 200],
      [2, 16, 4],
      [6, 16, 2],
      [44, 8, 1],
      [52, 16, 1],
      [54, 16, 1],
      [56, 32, 1],
    );
    link.send(T.RESULT, 1, 1, lacking, 'one tile');
    const result = await operation.result();
    expect([result.text(), result.partial, result.metadata.droppedTileCount]).toEqual(['one tile', false, 1]);
    expect(await session.close()).toEqual({ drained: true, cut: [] });
  });

  // What servers before 4.23 may send: a frame reused without being stale, and tiles that do not add up.
  const inconsistent = [
    ['RPUSH-2', metadata(64, [0, 16, 200], [48, 32, 3])],
    ['RPUSH-3', metadata(64, [0, 16, 200], [2, 16, 4], [6, 16, 2], [52, 16, 2], [56, 32, 1])],
    ['RPUSH-4', metadata(64, [0, 16, 200], [6, 16, 3], [52, 16, 1], [56, 32, 1])],
  ] as const;
  it.each(inconsistent)(
    'is the answer to a result that breaks %s, save for a client that is lenient',
    async (rule, head) => {
      const { client, link } = await stage.serve();
      const session = await client.openSession();
      const operation = await session.submit('x');
      await link.next(T.SUBMIT);
      link.send(T.RESULT, 1, 1, head, 'earlier');
      await expect(operation.result()).rejects.toThrow(rule);
      const other = await stage.serve({}, { lenientResults: true });
      const request = (await other.client.openSession()).request('x');
      await other.link.next(T.SUBMIT);
      other.link.send(T.RESULT, 1, 1, head, 'earlier');
      const result = await request;
      expect([result.text(), result.metadata.statusCode]).toEqual(['earlier', 200]);
      // All other rules are kept.
      const next = (await other.client.openSession()).request('y');
      await other.link.next(T.SUBMIT);
      other.link.send(T.RESULT, 2, 1, metadata(64, [44, 8, 9]));
      await expect(next).rejects.toMatchObject({ code: 'NNRP_ERR_PROTOCOL' });
    },
  );

  it('sends nothing that ends the connection of a reference server', async () => {
    const { client, link } = await stage.serve({}, { keepAliveMs: 10 });
    await client.openSession();
    const refused = /ends? the connection over it/;
    await expect(client.ping()).rejects.toThrow(refused);
    expect(() => client.sendFlowUpdate({ credit: 1 })).toThrow(refused);
    await client.probe();
    expect(await client.close()).toMatchObject({ drained: true });
    await link.ended;
    expect(link.death).toBeUndefined();
  });
});

describe('an open over preview4', () => {
  it('is refused with the text of the server, and the connection lives', async () => {
    let refusals = 1;
    const { client } = await stage.serve({
      onOpen(raw, open) {
        if (refusals-- <= 0) return false;
        raw.refuse(open, 0x0001_0002, 'no such profile\u001b[31m');
        return true;
      },
    });
    const error = await client.openSession().catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'NNRP_ERR_SESSION_REFUSED', wireCode: 0x0001_0002 });
    expect(String(error)).toContain('no such profile');
    expect(String(error)).not.toContain('\u001b');
    expect((await client.openSession()).sessionId).toBe(1);
  });

  it.each([
    ['', 9, '(0x00010007), maxInFlightOperations: asked for 9, the server allows 4', false],
    ['in-flight limit', 9, '(0x00010007): in-flight limit', false],
    ['id in use', 4, '(0x00010007): id in use', true],
  ])(
    'is worth another try where the limit is not what it asked for in flight: %j',
    async (text, asked, said, isRetryable) => {
      const { client } = await stage.serve({
        onOpen(raw, open) {
          raw.refuse(open, 0x0001_0007, text);
          return true;
        },
      });
      const error = await client.openSession({ maxInFlightOperations: asked }).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ wireCode: 0x0001_0007, isRetryable });
      expect(String(error).endsWith(said)).toBe(true);
    },
  );

  it('is not sent for a profile that the hello has not accepted, nor with what there is no room for', async () => {
    const { client, link } = await stage.serve();
    await expect(client.openSession({ profileId: 1 })).rejects.toThrow(/the server has not accepted it/);
    await expect(client.openSession({ auth: 'secret' })).rejects.toThrow(/has no room for it in an open/);
    const extensions = [{ type: 0x8001, payload: new Uint8Array(1) }];
    await expect(client.openSession({ extensions })).rejects.toThrow(/has no room for them in an open/);
    expect(link.received.filter(({ type }) => type === T.OPEN)).toHaveLength(0);
    await client.openSession();
  });

  it('is not sent to a server whose hello says that it does not let the client in (P-28)', async () => {
    const { client, link } = await stage.serve({
      onHello(raw, hello) {
        raw.send(T.HELLO_ACK, 0, 0, metadata(80, [0, 8, 1], [2, 8, 1], [8, 32, 2], [12, 32, 2]));
        return hello.session === 0;
      },
    });
    const error = { code: 'NNRP_ERR_SESSION_REFUSED', wireCode: 0x0001_0001, isRetryable: false };
    await expect(client.openSession()).rejects.toMatchObject(error);
    await expect(client.openSession()).rejects.toThrow('the server refuses the session: auth_status 1');
    expect(link.received.filter(({ type }) => type === T.OPEN)).toHaveLength(0);
  });

  it('is given up when the hello breaks a rule', async () => {
    const { client } = await stage.serve({
      onHello(raw, hello) {
        raw.send(T.HELLO_ACK, 0, 0, metadata(80, [0, 8, 1], [8, 32, 0xff]));
        return hello.session === 0;
      },
    });
    await expect(client.openSession()).rejects.toMatchObject({ code: 'NNRP_ERR_PROTOCOL' });
  });

  it('needs no hello of its own, and takes no other', async () => {
    const { client } = await stage.serve({}, { hello: { latencyBudgetMs: 7 } });
    await client.openSession();
    await expect(client.hello()).rejects.toThrow(/before the first session/);
    expect(client.serverHello?.ack.latencyBudgetMs).toBe(7);
    const other = await stage.serve({}, { hello: { auth: 'secret' } });
    await expect(other.client.openSession()).rejects.toThrow(/no room for auth/);
  });
});
