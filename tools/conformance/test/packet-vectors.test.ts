import { WireError, type WireFault } from 'nnrp-core';
import { decodePacket, MESSAGES } from 'nnrp-core/preview3';
import { describe, expect, it } from 'vitest';
import { bytesOf, hexOf, type JsonFields, objectOf, readGoldenVectors, structNamed } from '../src/golden-vectors.js';

const vectors = readGoldenVectors();
const accepted = vectors.positive.filter((vector) => vector.kind === 'packet');
const refused = vectors.negative.filter((vector) => vector.kind === 'packet');
/** Names of the vectors whose test body ran to its end. */
const executed = new Set<string>();

interface JsonPacket {
  readonly header: JsonFields;
  /** Absent or null when the message has no metadata. */
  readonly metadata?: JsonFields | null;
  readonly body_hex: string;
}

describe.each(accepted)('accepts $name', (vector) => {
  it('reads header, metadata and body in place', () => {
    const bytes = bytesOf(vector.hex);
    const expected = vector.fields as JsonPacket;
    const packet = decodePacket(bytes);
    const message = MESSAGES.find((info) => info.name === vector.message_type);
    if (message === undefined) throw new Error(`no message ${vector.message_type}`);

    expect(packet.messageType).toBe(message.code);
    const { metaLen, bodyLen, ...ids } = objectOf('HEADER', expected.header);
    expect(packet).toMatchObject(ids);
    expect([packet.metadataLength, packet.bodyLength]).toEqual([metaLen, bodyLen]);
    expect(hexOf(packet.body)).toBe(expected.body_hex);
    expect(packet.metadata.length).toBe(metaLen);
    expect(packet.body.buffer).toBe(bytes.buffer);

    const { metadata: structName } = message;
    if (structName === undefined) {
      expect(Object.keys(expected.metadata ?? {})).toEqual([]);
    } else {
      const decoded = structNamed(structName).decode(packet.view, packet.metadataStart);
      expect(decoded).toStrictEqual(objectOf(structName, expected.metadata ?? {}));
    }
    executed.add(vector.name);
  });
});

describe.each(refused)('refuses $name', (vector) => {
  it('reports the fault', () => {
    expect(faultOf(() => decodePacket(bytesOf(vector.hex)))).toStrictEqual(vector.expect_error);
    executed.add(vector.name);
  });
});

describe('the packet vectors', () => {
  it('are all run', () => {
    expect(accepted.length).toBeGreaterThan(0);
    expect(refused.length).toBeGreaterThan(0);
    expect([...executed].sort()).toEqual([...accepted, ...refused].map((vector) => vector.name).sort());
  });
});

function faultOf(run: () => unknown): WireFault {
  try {
    run();
  } catch (error) {
    expect(error).toBeInstanceOf(WireError);
    return (error as WireError).fault;
  }
  throw new Error('nothing was thrown');
}
