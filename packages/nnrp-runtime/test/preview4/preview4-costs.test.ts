import { OperationRegistry } from 'nnrp-core';
import { expect, it, vi } from 'vitest';
import { bytes, packet, submit, T, u16, u32, u64 } from './peer.js';
import { cleaning, opened, serving } from './stage.js';

cleaning();

const HELD = 40;
/** Above 32 bits, where ids are remembered one by one. */
const WIDE = 2n ** 40n;

function credit(session: number, operationId: bigint): Buffer {
  return packet(T.credit, { session }, bytes(u64(operationId), u64(4), u16(0), u16(0), u32(0), u32(2), u32(0)));
}

it('what a client says of an operation by its id makes the server look at that one, and not at all in flight', async () => {
  const server = await serving(
    { submit: (operation) => operation.finished.then(() => '') },
    { maxInFlightOperations: 0 },
  );
  const { peer, session } = await opened(server, { inFlight: 1000 });
  const all = vi.spyOn(OperationRegistry.prototype as Iterable<unknown>, Symbol.iterator);
  try {
    for (let frame = 1; frame <= HELD; frame++) {
      peer.send(packet(T.submit, { session, frame }, submit({ operation: WIDE + BigInt(frame) }), 'hold'));
    }
    for (let at = 0; at < 200; at++) peer.send(credit(session, at % 2 === 0 ? WIDE + 7n : 999_999n));
    await peer.settled();
    expect(server.sessions()[0]?.inFlightCount).toBe(HELD);
    // Once to note the ids; whatever else looks at all in flight does so now and then.
    expect(all.mock.calls.length).toBeLessThan(20);
  } finally {
    all.mockRestore();
  }
});

it('an operation is found by its id as long as it is in flight, whenever it has come, and no longer', async () => {
  const server = await serving(
    { submit: (operation) => operation.finished.then(() => '') },
    { maxInFlightOperations: 0 },
  );
  const { peer, session } = await opened(server, { inFlight: 1000 });
  const known = () => internals(server.sessions()[0]).flatMap(({ keys }) => keys);
  peer.send(packet(T.submit, { session, frame: 1 }, submit({ operation: WIDE }), 'hold'), credit(session, WIDE));
  peer.send(packet(T.submit, { session, frame: 2 }, submit({ operation: WIDE + 1n }), 'hold'));
  await peer.settled();
  expect(known().filter((key) => key === '256:0' || key === '256:1')).toHaveLength(4);
  peer.send(packet(T.frameCancel, { session, frame: 1 }), packet(T.frameCancel, { session, frame: 2 }));
  await peer.settled();
  // They are used from now on, and nothing else is known of them.
  expect(known().filter((key) => key === '256:0' || key === '256:1')).toHaveLength(2);
});

it('no table of a session has keys that a client could choose to fall together', async () => {
  const server = await serving({ submit: () => 'done' }, { supportedCacheObjects: [5] });
  const { peer, session } = await opened(server);
  const declare = bytes(
    ...[u64(WIDE), u16(7), u16(0x0201), u32(session), u64(10), u32(0), u16(0), u16(0), u32(0), u32(0), u64(0)],
  );
  peer.send(
    packet(T.submit, { session, frame: 1 }, submit({ operation: WIDE }), 'work'),
    packet(T.declare, { session }, declare),
    packet(T.cachePut, { session }, bytes(u32(1), u32(5), u64(1), u64(WIDE), u32(9), u32(2), u32(0), u32(0)), 'ob'),
    credit(session, WIDE),
  );
  await peer.next(T.result);
  await peer.settled();
  const tables = internals(server.sessions()[0]);
  const keys = tables.flatMap((table) => table.keys);
  // The operation; the object, and what is in the cache, by texts.
  expect(keys).toContain('256:0');
  expect(keys.filter((key) => String(key).includes(String(WIDE))).sort()).toEqual([`#${WIDE}`, `1:${WIDE}`]);
  expect(keys.filter((key) => typeof key === 'bigint' || (typeof key === 'string' && /^\d+$/.test(key)))).toEqual([]);
});

interface Table {
  readonly keys: readonly unknown[];
}

/** All maps and sets that hang on an object, with what they are asked for. */
function internals(root: unknown): Table[] {
  const seen = new Set<unknown>();
  const tables: Table[] = [];
  const visit = (thing: unknown, depth: number): void => {
    if (typeof thing !== 'object' || thing === null || seen.has(thing) || ArrayBuffer.isView(thing) || depth > 12)
      return;
    seen.add(thing);
    if (thing instanceof Map || thing instanceof Set) {
      tables.push({ keys: [...thing.keys()].filter((key) => typeof key !== 'object') });
      for (const value of thing.values()) visit(value, depth + 1);
    }
    for (const name of Object.getOwnPropertyNames(thing)) {
      const { value } = Object.getOwnPropertyDescriptor(thing, name) ?? {};
      visit(value, depth + 1);
    }
  };
  visit(root, 0);
  return tables;
}
