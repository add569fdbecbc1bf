import { describeFault, isWireError, PacketSplitter, type WireFault } from 'nnrp-core';
import type { RevisionName } from 'nnrp-runtime';
import { REVISIONS } from '../json/codec-revision.js';
import { decodeGuessed } from '../json/guess-revision.js';
import type { JsonObject } from '../json/json-object.js';
import { packetToJson } from '../json/packet-json.js';
import { payloadsToJson } from '../json/payload-json.js';

/** How packets are shown. */
export interface PacketView {
  /** Adds the names of enum values and flags. */
  readonly names: boolean;
  /** Adds what the typed payloads in bodies say. */
  readonly payloads: boolean;
  /** Of the packets; without it the one that accepts them, and they say which. */
  readonly revision?: RevisionName | undefined;
}

/** One line of what is decoded. */
export interface DecodedItem {
  readonly json: JsonObject;
  /** What is wrong with it, for people. */
  readonly problem?: string;
}

/** A packet as JSON. @throws WireError on any fault that decodePacket reports */
export function shownPacket(bytes: Uint8Array, { names, payloads, revision: given }: PacketView): JsonObject {
  const guessed = given === undefined ? decodeGuessed(bytes, names) : undefined;
  // What both read alike is read as one of preview3.
  const revision = REVISIONS[given ?? (guessed?.revision === 'preview4' ? 'preview4' : 'preview3')];
  const packet =
    guessed === undefined ? packetToJson(revision, bytes, names) : { revision: guessed.revision, ...guessed.packet };
  const decoded = payloads ? payloadsToJson(revision, bytes) : undefined;
  return decoded === undefined ? packet : { ...packet, payloads: decoded };
}

/** Packets one after the other, from bytes that come in pieces. After a fault nothing is known of what follows. */
export class PacketRun {
  /** Packets so far. */
  count = 0;
  private at = 0;
  private readonly splitter: PacketSplitter;

  /** @param place - of each packet, stands in front of its own */
  constructor(
    private readonly view: PacketView,
    private readonly place: JsonObject = {},
  ) {
    // Headers of preview3 are headers of preview4.
    this.splitter = new PacketSplitter({ revision: REVISIONS[view.revision ?? 'preview4'].wire });
  }

  get isBroken(): boolean {
    return this.splitter.fault !== undefined;
  }

  *push(bytes: Uint8Array, place: JsonObject = {}): Generator<DecodedItem, void, void> {
    const { splitter } = this;
    splitter.push(bytes);
    for (let packet = splitter.next(); packet !== undefined; packet = splitter.next()) {
      this.count++;
      const at = this.at;
      this.at += packet.byteLength;
      yield this.decode(packet.bytes.subarray(packet.start, packet.start + packet.byteLength), at, place);
    }
    if (splitter.fault !== undefined) yield this.failed(splitter.fault, this.at, place);
  }

  /** There is nothing more. */
  *end(): Generator<DecodedItem, void, void> {
    const { bufferedBytes } = this.splitter;
    if (this.isBroken || bufferedBytes === 0) return;
    const problem = `${this.where(this.at)}: the input ends ${bufferedBytes} bytes into a packet`;
    const error = { kind: 'bad_input', message: `it ends ${bufferedBytes} bytes into a packet` };
    yield { json: { ...this.place, at: this.at, error }, problem };
  }

  private decode(bytes: Uint8Array, at: number, place: JsonObject): DecodedItem {
    try {
      return { json: { ...this.place, ...place, at, packet: shownPacket(bytes, this.view) } };
    } catch (error) {
      if (!isWireError(error)) throw error;
      return this.failed(error.fault, at, place);
    }
  }

  private failed(fault: WireFault, at: number, place: JsonObject): DecodedItem {
    const json = { ...this.place, ...place, at, error: { ...fault } };
    return { json, problem: `${this.where(at)}: ${describeFault(fault)}` };
  }

  private where(at: number): string {
    const { stream } = this.place;
    return `${typeof stream === 'string' ? `${stream}, ` : ''}byte ${at}`;
  }
}

/** Packets of bytes that are all there. */
export function* decodePackets(bytes: Uint8Array, view: PacketView): Generator<DecodedItem, void, void> {
  const run = new PacketRun(view);
  yield* run.push(bytes);
  yield* run.end();
}

const HEADER_BYTES = 40;
const META_LEN_AT = 12;
const BODY_LEN_AT = 16;
const MAGIC = [0x4e, 0x4e, 0x52, 0x50];

/** Whether another packet begins where the first one ends. */
export function hasSeveralPackets(bytes: Uint8Array): boolean {
  if (bytes.length <= HEADER_BYTES || MAGIC.some((byte, index) => bytes[index] !== byte)) return false;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const end = HEADER_BYTES + view.getUint32(META_LEN_AT, true) + view.getUint32(BODY_LEN_AT, true);
  return end < bytes.length && MAGIC.every((byte, index) => end + index >= bytes.length || bytes[end + index] === byte);
}
