import { describe, expect, it } from 'vitest';
import type { ServerSessionEvent } from '../../src/server/contract/server-messages.js';
import { bytes, packet, submit, T, u8, u16, u32, u64 } from './peer.js';
import { cleaning, listening, opened, serving } from './stage.js';

cleaning();

const SESSION_SCOPE = 1;
const CONNECTION_SCOPE = 0;
/** Values that preview3 does not have. */
const PAUSED = 3;
/** update_reason. */
const REDUCE = 1;
const RESUME = 3;
const IPC = 3;
const WEBSOCKET = 4;

/** FLOW_UPDATE of this scope. */
function flow(scope: number, session: number, level: number, reason: number, epoch: number): Buffer {
  const metadata = bytes(
    ...[u8(scope), u8(reason), u8(level), u8(0), u16(0), u16(0), u16(0), u16(0)],
    ...[u64(0), u32(0), u32(epoch), u32(0)],
  );
  return packet(T.flow, { session: scope === CONNECTION_SCOPE ? 0 : session }, metadata);
}

describe('a value that only preview4 has', () => {
  it('is taken in SESSION_MIGRATE: from IPC to WebSocket', async () => {
    const server = await listening();
    const { peer, session } = await opened(server);
    const served = await server.accept();
    const migrate = bytes(u32(IPC), u32(WEBSOCKET), u64(0), u64(1));
    peer.send(packet(0x1b, { session }, migrate));
    const migration = await served.receiveMigrate();
    expect(migration.metadata).toMatchObject({ oldTransportId: IPC, newTransportId: WEBSOCKET });
    await served.sendMigrateAck(migration, { acceptCode: 1 });
    expect((await peer.get(0x1c)).u32(0)).toBe(1);
  });

  it.each([
    ['the session', SESSION_SCOPE],
    ['the connection', CONNECTION_SCOPE],
  ])('is a pause in FLOW_UPDATE of %s, till that is resumed', async (_, scope) => {
    const events: ServerSessionEvent[] = [];
    const server = await serving({
      submit: async function* () {
        yield 'part';
        return 'last';
      },
      event: (event) => void events.push(event),
    });
    const { peer, session } = await opened(server);
    peer.send(flow(scope, session, PAUSED, REDUCE, 1));
    await peer.settled();
    peer.send(packet(T.submit, { session, frame: 1 }, submit({ operation: 1 }), 'work'));
    peer.send(packet(T.probe, {}, bytes(u64(1), u32(0), u32(0))));
    expect((await peer.next())?.type).toBe(T.probeAck);
    peer.send(flow(scope, session, 0, RESUME, 2));
    expect((await peer.get(T.partial)).text).toBe('part');
    expect((await peer.get(T.result)).text).toBe('last');
    expect(events.filter(({ type }) => type === 'flowUpdate')).toHaveLength(scope === SESSION_SCOPE ? 2 : 0);
  });
});
