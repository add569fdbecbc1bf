import { UpdateReason } from 'nnrp-core/preview3';
import * as preview4 from 'nnrp-core/preview4';
import { describe, expect, it } from 'vitest';
import type { NnrpServerOptions } from '../../../src/server/contract/server-config.js';
import type { ServeHandlers } from '../../../src/server/serve/serve-handlers.js';
import { carrier } from '../../support/carrier.js';
import { eventually } from '../../support/eventually.js';
import { preview4Stage } from './preview4-stage.js';

const stage = preview4Stage();

async function peers(handlers: ServeHandlers, options: NnrpServerOptions = {}) {
  const server = await carrier.bind(options);
  stage.later(() => server.close({ drainTimeoutMs: 0 }));
  server.serve(handlers);
  const client = await carrier.openClient(server.localAddress, { revision: 'preview4' });
  stage.later(() => client.close({ inFlightPolicy: 1 }));
  return { server, client };
}

describe('peers of this library over preview4', () => {
  it('answer in parts, with operation ids and progress', async () => {
    const { server, client } = await peers({
      async submit(operation) {
        operation.progress({ percentX100: 5000, body: 'half' });
        await operation.push('one ');
        await operation.push('two ');
        return `of ${operation.id}`;
      },
    });
    const session = await client.openSession();
    expect([client.revision, session.revision, server.sessions()[0]?.revision]).toEqual([
      'preview4',
      'preview4',
      'preview4',
    ]);
    const operation = await session.submit('x', { operationId: 2n ** 40n });
    const reports: unknown[] = [];
    const reading = (async () => {
      for await (const { percent, body } of operation.progress()) reports.push([percent, Buffer.from(body).toString()]);
    })();
    expect(await operation.wholeText()).toBe(`one two of ${2n ** 40n}`);
    await reading;
    expect(reports).toEqual([[50, 'half']]);
    await expect(session.request('again', { operationId: 2n ** 40n })).rejects.toThrow(/was used before/);
  });

  it('read the typed payloads of submits and results, whose descriptors name their kind', async () => {
    const counts = { payloadKindBitmap: preview4.PayloadKind.TokenChunk, payloadFrameCount: 1 };
    const descriptor = {
      profileId: preview4.ProfileId.Token,
      payloadKind: preview4.PayloadKind.TokenChunk,
      descriptorFlags: preview4.DescriptorFlags.Terminal,
      schemaId: preview4.TOKEN_DELTA_SCHEMA_ID,
      schemaVersion: preview4.TOKEN_DELTA_SCHEMA_VERSION,
      streamSemantics: preview4.StreamSemantics.Append,
    };
    const body = preview4.encodeBody({ typedPayloads: [{ descriptor, payload: Uint8Array.of(1, 2, 3, 4) }] }, counts);
    const asked: unknown[] = [];
    const { client } = await peers({
      submit(operation) {
        asked.push(operation.payloadFrames);
        return { body: operation.body, metadata: counts };
      },
    });
    const session = await client.openSession();
    const { payloadFrames } = await session.request(body, { metadata: counts });
    expect(payloadFrames.map(({ payload }) => [...payload])).toEqual([[1, 2, 3, 4]]);
    expect(payloadFrames).toMatchObject([{ descriptor: { payloadKind: preview4.PayloadKind.TokenChunk } }]);
    expect([payloadFrames]).toEqual(asked);
  });

  it('mean the same operation by its id, in what they say of its flow', async () => {
    let paused = () => {};
    const isPaused = new Promise<void>((resolve) => {
      paused = resolve;
    });
    const { server, client } = await peers({
      async submit(operation) {
        await isPaused;
        await operation.push('held back');
        return 'end';
      },
      event: ({ type }) => void (type === 'flowUpdate' && paused()),
    });
    const session = await client.openSession();
    const told: unknown[] = [];
    const listening = (async () => {
      for await (const event of session.events())
        if (event.type === 'flowUpdate') told.push([event.update.operationId, event.operation?.frameId]);
    })();
    const operation = await session.submit('x', { operationId: 1000n });
    session.sendFlowUpdate({ operation, updateReason: UpdateReason.Pause });
    const [served] = server.sessions();
    await eventually(() => served?.stats().heldResults === 1, 'its results are held back');
    await served?.sendFlowUpdate({ frameId: operation.frameId, updateReason: UpdateReason.Congestion });
    await eventually(() => told.length === 1, 'it is told');
    expect(told).toEqual([[1000n, operation.frameId]]);
    session.sendFlowUpdate({ operation, updateReason: UpdateReason.Resume });
    expect((await operation.result()).text()).toBe('end');
    await session.close();
    await listening;
  });

  it('cancel and abort: the handler is told, and the server answers once', async () => {
    const told: unknown[] = [];
    const { client } = await peers({
      submit: ({ signal }) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => {
            told.push(signal.aborted);
            reject(new Error('stopped'));
          });
        }),
    });
    const session = await client.openSession();
    for (const how of ['why', { reason: 'why', abort: true }]) {
      const operation = await session.submit('x');
      operation.cancel(how);
      await expect(operation.result()).rejects.toMatchObject({ code: 'NNRP_ERR_CANCELLED', cause: 'why' });
    }
    expect(await session.close()).toEqual({ drained: true, cut: [] });
    expect(told).toEqual([true, true]);
  });

  it('say how work has failed as they do over preview3, and take PING, objects and authentication', async () => {
    const { client } = await peers(
      {
        submit() {
          throw new Error('not told');
        },
      },
      { supportedCacheObjects: [1] },
    );
    const session = await client.openSession({ auth: 'secret' });
    await expect(session.request('x')).rejects.toMatchObject({ code: 'NNRP_ERR_HANDLER_FAILED' });
    expect(await client.ping()).toBeGreaterThan(0);
    const object = { namespace: 1, key: 0x1_0000_0002n, kind: 1 as const };
    expect(await session.putObject(object, 'bytes')).toMatchObject({ status: 0, cacheKeyHi: 1, cacheKeyLo: 2 });
    await session.invalidateObjects({ scope: 3, namespace: 1, key: object.key });
    await expect(session.request('y')).rejects.toMatchObject({ code: 'NNRP_ERR_HANDLER_FAILED' });
  });

  it('name objects of the cache by keys of 128 bits', async () => {
    const heard: unknown[] = [];
    const { client } = await peers(
      {
        submit: (operation) => operation.objects.map(({ bytes }) => Buffer.from(bytes).toString()).join(),
        cache(event) {
          if (event.type === 'cachePut') heard.push([event.put.cacheKeyHi, event.put.cacheKeyLo]);
        },
      },
      { supportedCacheObjects: [1] },
    );
    const session = await client.openSession();
    const key = (5n << 64n) + 6n;
    const wide = { namespace: 1, key, kind: 1 as const };
    // Of the narrow one the halves read like the words of the wide one.
    const narrow = { ...wide, key: (5n << 32n) + 6n };
    const acks = await Promise.all([session.putObject(wide, 'wide'), session.putObject(narrow, 'narrow')]);
    expect(acks).toMatchObject([
      { status: 0, cacheKeyHi: 5n, cacheKeyLo: 6n },
      { status: 0, cacheKeyHi: 5, cacheKeyLo: 6 },
    ]);
    expect(heard).toEqual([
      [5n, 6n],
      [0n, narrow.key],
    ]);
    const metadata = { payloadKindBitmap: 1, payloadFrameCount: 0, submitMode: 1, objectRefMask: 1 } as const;
    const naming = (object: typeof wide) => {
      const reference = preview4.objectReferenceOf(object);
      const body = preview4.encodeBody({ objectReferences: [reference] }, metadata);
      return session.request(body, { metadata });
    };
    expect((await naming(wide)).text()).toBe('wide');
    await session.invalidateObjects({ scope: 3, namespace: 1, key });
    await expect(naming(wide)).rejects.toMatchObject({ name: expect.any(String) });
    expect((await naming(narrow)).text()).toBe('narrow');
    for (const wrong of [1n << 128n, -1n]) {
      await expect(session.putObject({ ...wide, key: wrong }, 'x')).rejects.toThrow(
        'key takes a bigint of 0 to 2^128-1',
      );
      await expect(session.invalidateObjects({ scope: 3, namespace: 1, key: wrong })).rejects.toThrow('0 to 2^128-1');
    }
  });

  it('hear what the other says of a session', async () => {
    const heard: unknown[] = [];
    const { client } = await peers({
      submit: () => 'done',
      event: ({ type }) => void heard.push(type),
    });
    const session = await client.openSession();
    session.controls.traceContext({ traceId: 1n, spanId: 2n });
    session.controls.negotiate({ profileId: 2, capabilities: ['cache.reference'] });
    expect((await session.request('x')).text()).toBe('done');
    expect(heard).toEqual(expect.arrayContaining(['traceContext', 'capabilityNegotiation']));
  });
});
