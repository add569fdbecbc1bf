import { afterEach, describe, expect, it } from 'vitest';
import { bodyBytes } from '../../src/connection/body/body-bytes.js';
import { Stage } from '../support/stage.js';

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const stage = new Stage();
afterEach(() => stage.clear());

/** A view that says something untrue about itself. */
function lying<View extends object>(view: View, name: string, value: unknown): View {
  return Object.defineProperty(view, name, { value });
}

class Longer extends Uint8Array {
  override get length(): number {
    return 1500;
  }
}

const LIES: readonly [string, (bytes: number) => ArrayBufferView][] = [
  ['a length of its own', (bytes) => lying(new Uint8Array(bytes), 'length', 1500)],
  ['a length of its own, of a Buffer', (bytes) => lying(Buffer.alloc(bytes), 'length', bytes + 1500)],
  ['the length of its class', (bytes) => new Longer(bytes)],
  ['the byteLength of a DataView', (bytes) => lying(new DataView(new ArrayBuffer(bytes)), 'byteLength', 1)],
  ['the memory of words', (bytes) => lying(new Uint16Array(bytes / 2), 'buffer', new ArrayBuffer(100_000))],
  ['the byteOffset of long bytes', (bytes) => lying(new Uint8Array(bytes), 'byteOffset', 5)],
  ['the memory of long bytes', (bytes) => lying(new Uint8Array(bytes), 'buffer', { resizable: true })],
  ['the byteLength of long bytes', (bytes) => lying(new Uint8Array(bytes), 'byteLength', 7)],
];

describe.each(LIES)('a body that lies about %s', (_what, make) => {
  it.each([0, 10, 40_000])('is taken for the %i bytes that it is', (bytes) => {
    const taken = bodyBytes(make(bytes));
    expect(taken.length).toBe(bytes);
    if (bytes > 10) expect([taken.byteLength, taken.buffer instanceof ArrayBuffer]).toEqual([bytes, true]);
    expect(taken.every((byte) => byte === 0)).toBe(true);
  });

  it('does not send what other clients were sent', async () => {
    const { server, client } = await stage.pair();
    const bodies: unknown[] = ['SECRET '.repeat(500), make(10)];
    void server.serve({ submit: () => bodies.shift() as Uint8Array });
    const session = await client.openSession();
    expect(text((await (await session.submit('x')).result()).body)).toContain('SECRET');
    const other = await (await stage.connect(server)).openSession();
    expect([...(await (await other.submit('x')).result()).body]).toEqual(Array.from({ length: 10 }, () => 0));
  });
});

it('ordinary bytes are neither copied nor wrapped', () => {
  for (const bytes of [new Uint8Array(10), Buffer.alloc(10), new Uint8Array(40_000), Buffer.alloc(40_000)])
    expect(bodyBytes(bytes)).toBe(bytes);
});

it('what only inherits from bytes is no body', () => {
  const inherits = Object.create(Uint8Array.prototype) as Uint8Array;
  for (const wrong of [inherits, new Proxy(new Uint8Array(3), {})])
    expect(() => bodyBytes(wrong)).toThrow('body: expected bytes, text or a list of both, got object');
});
