import * as preview3 from 'nnrp-core/preview3';
import { afterEach, describe, expect, it } from 'vitest';
import { submitMetadata } from '../../src/client/submits/submit-options.js';
import type { BodyInput } from '../../src/connection/body/body-bytes.js';
import { WaitingPacket } from '../../src/connection/sending/waiting-packet.js';
import type { OperationContext } from '../../src/server/contract/contract.js';
import { resultMetadata } from '../../src/server/contract/server-messages.js';
import type { OutboundPacket } from '../../src/transport/contract/contract.js';
import { WriteQueue } from '../../src/transport/stream/write-queue.js';
import { eventually } from '../support/eventually.js';
import { Stage } from '../support/stage.js';

const stage = new Stage();
afterEach(() => stage.clear());

const PARTIAL = resultMetadata({ resultClass: preview3.ResultClass.Partial, resultFlags: 1 });
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

/** Complete metadata in which reading a field runs code of the application. */
function metadataThat(does: () => void): preview3.ResultPush {
  return Object.create(PARTIAL, {
    statusCode: {
      get: () => {
        does();
        return 7;
      },
    },
  });
}

interface Resizing extends ArrayBuffer {
  resize(bytes: number): void;
}

function resizing(bytes: number, most: number): Resizing {
  return Reflect.construct(ArrayBuffer, [bytes, { maxByteLength: most }]) as Resizing;
}

/** Two clients whose operations are not answered yet; what each gets is told when it is complete. */
async function twoClients() {
  const server = await stage.serve();
  server.on('handlerFailure', () => {});
  const operations: OperationContext[] = [];
  const submit = (operation: OperationContext) => {
    operations.push(operation);
    return operation.finished;
  };
  void server.serve({ submit });
  const received: Promise<string[]>[] = [];
  for (const count of [1, 2]) {
    const session = await (await stage.connect(server)).openSession();
    const operation = await session.submit('work');
    const texts = async () => {
      const bodies: string[] = [];
      for await (const { body } of operation) bodies.push(text(body));
      return bodies;
    };
    received.push(texts());
    await eventually(() => operations.length === count, 'it has begun');
  }
  const [first, second] = operations as [OperationContext, OperationContext];
  const answers = async () => {
    await Promise.all([first.complete('end'), second.complete('end')]);
    return Promise.all(received);
  };
  return { first, second, answers };
}

describe('metadata that runs code of the application while it is read', () => {
  it('may send: each packet is whole, on its connection and on others', async () => {
    const { first, second, answers } = await twoClients();
    const metadata = metadataThat(() => {
      void first.push('x'.repeat(70_000));
      void second.push('of the second');
    });
    await first.push({ body: 'of the first', metadata });
    expect(await answers()).toEqual([
      ['x'.repeat(70_000), 'of the first', 'end'],
      ['of the second', 'end'],
    ]);
  });

  it('may send where a proxy stands for what is repeated', async () => {
    const { first, answers } = await twoClients();
    const traps: Record<string, number> = {};
    const sends = (name: string) => {
      traps[name] = (traps[name] ?? 0) + 1;
      if (traps[name] === 1) void first.push(name);
    };
    const metadata = new Proxy(PARTIAL, {
      get: (target, name) => {
        sends('get');
        return Reflect.get(target, name);
      },
      has: (target, name) => {
        sends('has');
        return Reflect.has(target, name);
      },
      isExtensible: (target) => {
        sends('isExtensible');
        return Reflect.isExtensible(target);
      },
      getOwnPropertyDescriptor: (target, name) => {
        sends('getOwnPropertyDescriptor');
        return Reflect.getOwnPropertyDescriptor(target, name);
      },
    });
    for (const body of ['a', 'b', 'c']) await first.push({ body, metadata });
    const [said] = await answers();
    expect(said?.filter((one) => !(one in traps))).toEqual(['a', 'b', 'c', 'end']);
    expect(said).toHaveLength(4 + Object.keys(traps).length);
  });

  it('may send from a submit', async () => {
    const server = await stage.serve();
    void server.serve({ submit: ({ body }) => body });
    const session = await (await stage.connect(server)).openSession();
    const nested: Promise<unknown>[] = [];
    const metadata = Object.create(submitMetadata(), {
      retryOfFrame: {
        get: () => {
          nested.push(session.submit('n'.repeat(70_000)).then((operation) => operation.result()));
          return 0;
        },
      },
    });
    const operation = await session.submit('outer', { metadata });
    expect(text((await operation.result()).body)).toBe('outer');
    const inner = (await Promise.all(nested)) as { body: Uint8Array }[];
    expect(inner.map(({ body }) => text(body))).toEqual(inner.map(() => 'n'.repeat(70_000)));
    expect(inner.length).toBeGreaterThan(0);
  });

  it.each([1000, 30_000])('may change the length of a body of %i bytes: what it is then is sent', async (bytes) => {
    const changes: ((buffer: Resizing) => void)[] = [
      (buffer) => buffer.resize(10),
      (buffer) => buffer.resize(bytes * 2),
      (buffer) => void structuredClone(buffer, { transfer: [buffer] }),
    ];
    const { first, second, answers } = await twoClients();
    await second.push('SECRET '.repeat(1000));
    const outcomes: string[] = [];
    for (const change of changes) {
      const buffer = resizing(bytes, bytes * 2);
      const pushed = first.push({ body: new Uint8Array(buffer), metadata: metadataThat(() => change(buffer)) });
      outcomes.push(
        await pushed.then(
          () => 'sent',
          ({ code }) => code,
        ),
      );
    }
    const zeros = (count: number) => '\0'.repeat(count);
    expect(outcomes).toEqual(['sent', 'sent', 'NNRP_ERR_USAGE']);
    expect((await answers())[0]).toEqual([zeros(10), zeros(bytes * 2), 'end']);
  });
});

describe('a body of a class that says another length from some time on', () => {
  it.each([1, 2, 3, 4, 5, 6, 7])('is sent for what it is: %i times the truth', async (honest) => {
    class Changing extends Uint8Array {
      calls = 0;
      override get length(): number {
        return ++this.calls <= honest ? super.length : 40_000;
      }
    }
    const { first, second, answers } = await twoClients();
    await second.push('SECRET '.repeat(1000));
    for (const bytes of [10, 20_000]) await first.push(new Changing(bytes).fill(65));
    expect((await answers())[0]).toEqual(['A'.repeat(10), 'A'.repeat(20_000), 'end']);
  });
});

describe('memory that was made shorter than where a view of it lies', () => {
  const views: [string, (memory: ArrayBuffer) => ArrayBufferView][] = [
    ['Uint8Array', (memory) => new Uint8Array(memory, 8, 8)],
    ['Uint8Array of its rest', (memory) => new Uint8Array(memory, 8)],
    ['Float32Array', (memory) => new Float32Array(memory, 8, 2)],
    ['DataView', (memory) => new DataView(memory, 8, 8)],
  ];

  it.each(views)('is refused, not sent as an empty body: %s', async (_, make) => {
    const { clientSession } = await stage.session();
    const memory = resizing(16, 32);
    const view = make(memory);
    memory.resize(4);
    for (const body of [view, ['text', view]] as BodyInput[])
      expect(() => clientSession.submitNow(body)).toThrow('its memory was transferred away, or made shorter');
    expect(clientSession.inFlightCount).toBe(0);
  });

  it('is an empty body where nothing lies there in truth', async () => {
    const { clientSession } = await stage.session({ maxInFlightOperations: 8 });
    const empty = [new Uint8Array(), new Float32Array(0), new DataView(new ArrayBuffer(0)), new ArrayBuffer(0)];
    for (const body of [...empty, empty]) clientSession.submitNow(body);
    expect(clientSession.inFlightCount).toBe(5);
  });
});

describe('shared memory that another thread lets grow while the body is read', () => {
  const LENGTHS = [10, 2000, 16_000, 17_000];

  /** As another thread does it: in between. */
  function growing(bytes: number): OutboundPacket {
    const memory = Reflect.construct(SharedArrayBuffer, [bytes, { maxByteLength: bytes + 5 }]);
    return {
      headBytes: 40,
      body: new Uint8Array(memory),
      writeHead: () => (memory as unknown as { grow(bytes: number): void }).grow(bytes + 5),
    };
  }

  const plain: OutboundPacket = { headBytes: 40, body: new Uint8Array(3).fill(1), writeHead: () => {} };

  it.each(LENGTHS)('costs its packet alone: %i bytes', (bytes) => {
    const queue = new WriteQueue(true, { allWritten: true, looksLater: false });
    queue.add(plain);
    expect(() => queue.add(growing(bytes))).toThrow(`its body had ${bytes} bytes`);
    queue.add(plain);
    expect(queue.byteLength).toBe(86);
    const written = queue.take().reduce((sum, piece) => sum + piece.byteLength, 0);
    expect(written).toBe(86);
  });

  it.each(LENGTHS)('costs its packet alone where it would wait: %i bytes', (bytes) => {
    expect(() => new WaitingPacket(growing(bytes))).toThrow(`its body had ${bytes} bytes`);
  });
});
