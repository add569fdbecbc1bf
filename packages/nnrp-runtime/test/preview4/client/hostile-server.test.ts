import { IdTable } from 'nnrp-core';
import { describe, expect, it, vi } from 'vitest';
import type { NnrpClientSession } from '../../../src/client/session/client-session.js';
import { preview4Stage } from './preview4-stage.js';
import { metadata, type RawLink, type RawPacket, T } from './raw-server.js';

const stage = preview4Stage();
/** Far above 32 bits. */
const WIDE = 2n ** 40n;
const FINAL = 1;

const declare = (session: number, object: bigint) =>
  metadata(48, [0, 64, object], [8, 16, 7], [10, 8, 2], [11, 8, 1], [12, 32, session], [16, 64, 10]);
const reference = (object: bigint, operation: bigint) => metadata(48, [0, 64, object], [8, 64, operation]);
const release = (object: bigint, operation: bigint, flags: number) =>
  metadata(32, [0, 64, object], [8, 64, operation], [18, 8, 2], [19, 8, flags]);
const delta = (object: bigint, sequence: bigint) => metadata(40, [0, 64, object], [8, 64, sequence]);
const flowOf = (operation: bigint, epoch: number) => metadata(32, [0, 8, 2], [12, 64, operation], [24, 32, epoch]);

async function working(submits = 1): Promise<{
  link: RawLink;
  session: NnrpClientSession;
  other: NnrpClientSession;
  submit: RawPacket;
}> {
  const { client, link } = await stage.serve({ inFlight: 0, credit: 1000 });
  const session = await client.openSession();
  const other = await client.openSession();
  for (let at = 0; at < submits; at++) await session.submit('x', { operationId: WIDE + BigInt(at) });
  return { link, session, other, submit: await link.next(T.SUBMIT) };
}

/** The other session is served, and so what was sent before has been dealt with. */
async function isUnharmed(link: RawLink, other: NnrpClientSession): Promise<void> {
  const waiting = other.request('still there');
  for (;;) {
    const submit = await link.next(T.SUBMIT);
    if (submit.session !== other.sessionId) continue;
    link.result(submit, 'yes');
    break;
  }
  expect((await waiting).text()).toBe('yes');
  expect(link.death).toBeUndefined();
}

async function heard(session: NnrpClientSession, count: number): Promise<[string, string | undefined][]> {
  const types: [string, string | undefined][] = [];
  for await (const event of session.events()) {
    types.push([event.type, 'issue' in event ? event.issue : undefined]);
    if (types.length === count) break;
  }
  return types;
}

describe('what a server of preview4 says of objects', () => {
  it('is about the operation that it names, whose id stands behind that of the object', async () => {
    const { link, session, other, submit } = await working();
    const id = session.sessionId;
    const hearing = heard(session, 5);
    link.send(T.DECLARE, id, 0, declare(id, 5n));
    link.send(T.REF, id, submit.frame, reference(5n, WIDE));
    link.send(T.REF, id, submit.frame, reference(WIDE, 5n));
    link.send(T.RELEASE, id, submit.frame, release(5n, WIDE, FINAL));
    link.send(T.RELEASE, id, submit.frame, release(WIDE, 9n, FINAL));
    expect(await hearing).toEqual([
      ['objectDeclare', undefined],
      ['objectRef', undefined],
      ['protocolViolation', undefined],
      ['objectRelease', undefined],
      ['protocolViolation', undefined],
    ]);
    await isUnharmed(link, other);
  });

  it('is told with what is wrong with it, and changes nothing then', async () => {
    const { link, session, other } = await working();
    const id = session.sessionId;
    const hearing = heard(session, 7);
    link.send(T.DECLARE, id, 0, declare(other.sessionId, 5n));
    link.send(T.REF, id, 0, reference(5n, 0n));
    link.send(T.DECLARE, id, 0, declare(id, 5n));
    link.send(T.DECLARE, id, 0, declare(id, 5n));
    link.send(T.DELTA, id, 0, delta(5n, 1n));
    link.send(T.DELTA, id, 0, delta(5n, 3n));
    link.send(T.RELEASE, id, 0, release(6n, 0n, FINAL));
    expect((await hearing).map(([, issue]) => issue)).toEqual([
      'of_another_session',
      'unknown_object',
      undefined,
      'declared_before',
      undefined,
      'delta_gap',
      'unknown_object',
    ]);
    expect([session.controls.objects.size, other.controls.objects.size]).toEqual([1, 0]);
    await isUnharmed(link, other);
  });

  it('takes bounded memory, and an id may be declared again once it is released', async () => {
    const { link, session, other } = await working();
    const id = session.sessionId;
    for (let object = 1n; object <= 1100n; object++) link.send(T.DECLARE, id, 0, declare(id, WIDE * object));
    await isUnharmed(link, other);
    expect(session.controls.objects.size).toBe(1024);
    link.send(T.RELEASE, id, 0, release(WIDE, 0n, FINAL));
    link.send(T.DECLARE, id, 0, declare(id, WIDE));
    await isUnharmed(link, other);
    expect(session.controls.objects.size).toBe(1024);
    expect(session.controls.objects.get(WIDE)?.references).toBe(0);
  });
});

describe('a hostile server of preview4', () => {
  it('that names operations by their ids makes the client look at those alone', async () => {
    const { link, session, other } = await working(200);
    const all = vi.spyOn(IdTable.prototype, 'values');
    try {
      for (let at = 0; at < 300; at++) {
        link.send(T.FLOW, session.sessionId, 0, flowOf(at % 2 === 0 ? WIDE + 7n : 99_999n + BigInt(at), at + 1));
      }
      await isUnharmed(link, other);
      expect(all.mock.calls.length).toBeLessThan(20);
    } finally {
      all.mockRestore();
    }
  });

  it('that answers twice, late, for others and for nobody, and closes what was not closed, costs nothing', async () => {
    const { link, session, other, submit } = await working();
    const { frame } = submit;
    for (const id of [session.sessionId, other.sessionId]) {
      link.send(T.RESULT, id, frame + 50, metadata(64, [0, 16, 200]), 'of nobody');
      link.send(T.PARTIAL, id, frame + 50, metadata(40, [0, 64, WIDE], [8, 64, 1], [32, 32, 2]), 'no');
      link.send(T.DROP_REASON, id, frame + 50, metadata(32, [0, 64, WIDE], [8, 64, 1], [16, 16, 2]));
      link.send(T.SESSION_CLOSE_ACK, id, 0, metadata(16, [0, 32, 2]));
      link.send(T.OPEN_ACK, id, 0, metadata(56, [0, 32, id]));
      link.send(T.HELLO_ACK, 0, 0, metadata(80, [0, 8, 1]));
    }
    await isUnharmed(link, other);
    expect([session.state, session.inFlightCount]).toEqual(['open', 1]);
  });

  it('that confirms a close for which it was not asked yet does not end what is in flight', async () => {
    const { link, session, submit } = await working();
    const closed = session.close();
    link.send(T.SESSION_CLOSE_ACK, session.sessionId, 0, metadata(16, [0, 32, 2]));
    link.result(submit, 'done');
    expect(await closed).toEqual({ drained: true, cut: [] });
  });

  it.each<[string, (link: RawLink, session: number) => void]>([
    ['a pause', (link, session) => link.pressure(T.BACKPRESSURE, session, 0, 3)],
    ['hard backpressure', (link, session) => link.pressure(T.BACKPRESSURE, session, 0, 2)],
    ['no credit', (link, session) => link.pressure(T.CREDIT, session, 0, 0, 0xffff_ffff)],
    ['a time to wait', (link, session) => link.send(T.RETRY_AFTER, session, 0, metadata(32, [16, 32, 0xffff_ffff]))],
  ])('that never ends %s stops one session, whose submits can be given up', async (_name, stop) => {
    const { link, session, other } = await working();
    stop(link, session.sessionId);
    await isUnharmed(link, other);
    const stopped = new AbortController();
    const waiting = session.submit('x', { signal: stopped.signal });
    await isUnharmed(link, other);
    stopped.abort();
    await expect(waiting).rejects.toMatchObject({ code: 'NNRP_ERR_CANCELLED' });
    expect((await session.close({ drainTimeoutMs: 0 })).cut).toHaveLength(1);
  });

  it('that floods with credit, progress, renegotiation and faults costs bounded memory, and no other session', async () => {
    const { link, session, other, submit } = await working();
    const id = session.sessionId;
    const capability = metadata(32, [0, 32, 2]);
    for (let round = 0; round < 1500; round++) {
      link.pressure(T.CREDIT, id, round % 2 === 0 ? 0 : 1);
      link.progress(submit, round % 7, round);
      link.send(T.CAPABILITY, id, 0, capability);
      link.send(T.DEGRADE, id, 0, capability);
      link.send(T.TRACE, id, 0, metadata(32));
    }
    await isUnharmed(link, other);
    expect(session.state).toBe('open');
    link.result(submit, 'done');
  });
});
