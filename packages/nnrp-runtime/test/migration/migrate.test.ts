import { setTimeout as passing } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import type { MigrationReport } from '../../src/client/contract/migration.js';
import type { ClientOperation } from '../../src/client/results/client-operation.js';
import { eventually } from '../support/eventually.js';
import { MovingStage, readCount } from './moving-stage.js';

let stage = new MovingStage();
afterEach(async () => {
  await stage.clear();
  stage = new MovingStage();
});

describe('a client that migrates', () => {
  it('goes from TCP to TLS and back with 64 streams running, each result once and in order', async () => {
    const place = await stage.serve();
    const client = await stage.client(place.tcp);
    const sessions = await Promise.all([1, 2, 3, 4].map(() => client.openSession({ maxInFlightOperations: 16 })));
    const operations = await Promise.all(
      sessions.flatMap((session, index) =>
        Array.from({ length: 16 }, (_, number) => session.submit(`${index}.${number}`)),
      ),
    );
    const reading = operations.map(readCount);
    const heard: string[] = [];
    for (const name of ['suspended', 'resumed', 'lost'] as const) client.on(name, () => heard.push(name));
    const told: MigrationReport[] = [];
    client.on('migrated', (report) => told.push(report));
    const first = client.remoteAddress;
    for (const connector of [place.tls, place.tcp, place.asQuic, place.tcp, place.tls]) {
      await passing(40);
      const report = await client.migrate(connector);
      expect(report).toMatchObject({ sessions: 4, to: { remoteAddress: client.remoteAddress } });
      expect(told.at(-1)).toBe(report);
    }
    await passing(40);
    stage.isGoing = false;
    expect(new Set(await Promise.all(reading))).toEqual(new Set(['whole']));
    expect([...stage.ledger.handled.values()].every((times) => times === 1)).toBe(true);
    expect(stage.ledger.handled.size).toBe(64);
    expect(heard).toEqual([]);
    expect(told.map(({ from, to }) => [from.transport, to.transport])).toEqual([
      ['tcp', 'tcp'],
      ['tcp', 'tcp'],
      ['tcp', 'quic'],
      ['quic', 'tcp'],
      ['tcp', 'tcp'],
    ]);
    expect(told[0]?.from.remoteAddress).toBe(first);
    expect(client.remoteAddress).toBe(place.address(1));
    await eventually(() => place.server.connectionCount === 1, 'the old connections are gone');
    expect(place.server.sessionCount).toBe(4);
    expect(stage.ledger.defects).toEqual([]);
  });

  it('goes from TCP to a Unix domain socket, to TLS and back with 16 streams running', async () => {
    const place = await stage.serve();
    const client = await stage.client(place.tcp);
    const session = await client.openSession({ maxInFlightOperations: 16 });
    const reading = (await Promise.all(Array.from({ length: 16 }, (_, number) => session.submit(`${number}`)))).map(
      readCount,
    );
    const told: MigrationReport[] = [];
    client.on('migrated', (report) => told.push(report));
    for (const connector of [place.ipc, place.tls, place.ipc, place.tcp, place.ipc]) {
      await passing(40);
      const report = await client.migrate(connector);
      expect(report).toMatchObject({ sessions: 1, to: { remoteAddress: client.remoteAddress } });
    }
    await passing(40);
    stage.isGoing = false;
    expect(new Set(await Promise.all(reading))).toEqual(new Set(['whole']));
    expect([...stage.ledger.handled.values()]).toEqual(Array.from({ length: 16 }, () => 1));
    expect(told.map(({ from, to }) => [from.transport, to.transport])).toEqual([
      ['tcp', 'ipc'],
      ['ipc', 'tcp'],
      ['tcp', 'ipc'],
      ['ipc', 'tcp'],
      ['tcp', 'ipc'],
    ]);
    expect(told.map(({ to }) => to.remoteAddress)).toEqual([2, 1, 2, 0, 2].map((index) => place.address(index)));
    expect(client.toJSON()).toMatchObject({ remoteAddress: place.address(2), transport: 'ipc' });
    expect(place.address(2)).toMatch(/^unix:\//);
    await eventually(() => place.server.connectionCount === 1, 'the old connections are gone');
    expect(stage.ledger.defects).toEqual([]);
  });

  it('moves a session that does nothing, and can be used as before', async () => {
    const place = await stage.serve({}, { submit: ({ body }) => body });
    const client = await stage.client(place.tcp);
    const session = await client.openSession();
    await client.migrate(place.tls);
    expect((await (await session.submit('x')).result()).text()).toBe('x');
    const another = await client.openSession();
    expect((await (await another.submit('y')).result()).text()).toBe('y');
    expect(JSON.parse(JSON.stringify(client))).toMatchObject({ remoteAddress: place.address(1), state: 'open' });
    expect(await client.ping()).toBeGreaterThan(0);
  });

  it('connects again where it has moved to', async () => {
    const place = await stage.serve({}, { submit: ({ body }) => body });
    const sockets: { resetAndDestroy(): unknown }[] = [];
    const client = await stage.client(place.tcp);
    const session = await client.openSession();
    await client.migrate(place.own('own', (socket) => sockets.push(socket)));
    const resumed = new Promise((resolve) => client.once('resumed', resolve));
    sockets[0]?.resetAndDestroy();
    await resumed;
    expect(sockets).toHaveLength(2);
    expect((await (await session.submit('x')).result()).text()).toBe('x');
  });

  it('moves a session that it has by a ticket, with its streams', async () => {
    const place = await stage.serve();
    const before = await stage.client(place.tcp);
    const session = await before.openSession();
    const { frameId } = await session.submit('stream');
    const client = await stage.client(place.tcp);
    const resumed = await client.resumeSession(session.ticket());
    const operation = resumed.operations.get(frameId);
    expect(operation).toBeDefined();
    const reading = readCount(operation as ClientOperation);
    for (const connector of [place.tls, place.asQuic, place.ipc, place.tcp]) {
      expect(await client.migrate(connector)).toMatchObject({ sessions: 1 });
      await passing(20);
    }
    stage.isGoing = false;
    expect(await reading).toBe('whole');
    expect(stage.ledger.handled.size).toBe(1);
    expect(resumed.session.state).toBe('open');
  });

  it('asks the server first where the transports have numbers of their own, and ends the old path in good order', async () => {
    const place = await stage.serve();
    const client = await stage.client(place.tcp);
    const session = await client.openSession();
    const report = await client.migrate(place.asQuic);
    expect(report).toMatchObject({ from: { transport: 'tcp' }, to: { transport: 'quic' }, sessions: 1 });
    expect(stage.ledger.lost).toEqual([]);
    expect([stage.ledger.suspended, stage.ledger.resumed]).toEqual([[session.sessionId], [session.sessionId]]);
    // TCP and TLS have one number: there the server learns of it by the resume.
    const other = await client.migrate(place.tls);
    expect(other.from.transport).toBe('quic');
    await client.migrate(place.tcp);
    expect(stage.ledger.lost).toHaveLength(1);
  });

  it('keeps submits, cancels and closes that are made while it moves', async () => {
    const place = await stage.serve({}, { submit: ({ body }) => body });
    const client = await stage.client(place.tcp);
    const session = await client.openSession({ maxInFlightOperations: 64 });
    const moving = client.migrate(place.tls);
    const texts: Promise<string>[] = [];
    let isMoving = true;
    const done = moving.finally(() => {
      isMoving = false;
    });
    for (let number = 0; isMoving || number < 10; number++) {
      texts.push(session.request(`${number}`).then((result) => result.text()));
      await passing(1);
    }
    await done;
    expect(await Promise.all(texts)).toEqual(texts.map((_, number) => `${number}`));
    expect(stage.ledger.defects).toEqual([]);
  });
});
