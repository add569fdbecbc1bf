import type * as preview4 from 'nnrp-core/preview4';
import { refuse } from './handwritten-refuse.js';

const WHERE = 'PARTIAL_RESULT';

/* PARTIAL_RESULT as a careful person writes it by hand: four fields of 64 bits, of which none is checked. */

export function check(view: DataView, at: number): number {
  if (!(at >= 0 && at + 40 <= view.byteLength)) return 0;
  return (view.getUint32(at + 36, true) & ~0x03) !== 0 ? 1 : -1;
}

export function decode(view: DataView, at: number) {
  if (!(at >= 0 && at + 40 <= view.byteLength)) refuse(WHERE);
  const flags = view.getUint32(at + 36, true);
  if ((flags & ~0x03) !== 0) refuse(WHERE);
  return {
    operationId: view.getBigUint64(at, true),
    resultSequence: view.getBigUint64(at + 8, true),
    objectId: view.getBigUint64(at + 16, true),
    deltaSequence: view.getBigUint64(at + 24, true),
    bodyBytes: view.getUint32(at + 32, true),
    flags,
  };
}

export function encode(value: preview4.PartialResult, view: DataView, at: number): number {
  if (!(at >= 0 && at + 40 <= view.byteLength)) refuse(WHERE);
  const { operationId, resultSequence, objectId, deltaSequence, bodyBytes, flags } = value;
  if (typeof operationId !== 'bigint' || BigInt.asUintN(64, operationId) !== operationId) refuse(WHERE);
  if (typeof resultSequence !== 'bigint' || BigInt.asUintN(64, resultSequence) !== resultSequence) refuse(WHERE);
  if (typeof objectId !== 'bigint' || BigInt.asUintN(64, objectId) !== objectId) refuse(WHERE);
  if (typeof deltaSequence !== 'bigint' || BigInt.asUintN(64, deltaSequence) !== deltaSequence) refuse(WHERE);
  if (bodyBytes >>> 0 !== bodyBytes) refuse(WHERE);
  if ((flags & 0x03) !== flags) refuse(WHERE);
  view.setBigUint64(at, operationId, true);
  view.setBigUint64(at + 8, resultSequence, true);
  view.setBigUint64(at + 16, objectId, true);
  view.setBigUint64(at + 24, deltaSequence, true);
  view.setUint32(at + 32, bodyBytes, true);
  view.setUint32(at + 36, flags, true);
  return at + 40;
}

/** The low half of operation_id, body_bytes and flags. */
export function read3(view: DataView, at: number): number {
  if (!(at >= 0 && at + 40 <= view.byteLength)) refuse(WHERE);
  return view.getUint32(at, true) + view.getUint32(at + 32, true) + view.getUint32(at + 36, true);
}
