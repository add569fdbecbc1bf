import type * as preview3 from 'nnrp-core/preview3';
import { refuse } from './handwritten-refuse.js';

const WHERE = 'HEADER';

/* HEADER as a careful person writes it by hand: one pass, every check that the generated code has, nothing else. */

export function check(view: DataView, at: number): number {
  if (!(at >= 0 && at + 40 <= view.byteLength)) return 0;
  if (view.getUint32(at, true) !== 0x50524e4e) return 1;
  if (view.getUint8(at + 4) !== 1) return 2;
  if (view.getUint8(at + 5) !== 0) return 3;
  if (view.getUint8(at + 7) !== 40) return 4;
  if ((view.getUint32(at + 8, true) & ~0x3f) !== 0) return 5;
  return isMessageType(view.getUint8(at + 6)) ? -1 : 6;
}

function isMessageType(type: number): boolean {
  return (type >= 1 && type <= 10) || (type >= 16 && type <= 28) || (type >= 32 && type <= 33);
}

export function decode(view: DataView, at: number) {
  if (!(at >= 0 && at + 40 <= view.byteLength)) refuse(WHERE);
  if (view.getUint32(at, true) !== 0x50524e4e) refuse(WHERE);
  const versionMajor = view.getUint8(at + 4);
  if (versionMajor !== 1) refuse(WHERE);
  const wireFormat = view.getUint8(at + 5);
  if (wireFormat !== 0) refuse(WHERE);
  const headerLen = view.getUint8(at + 7);
  if (headerLen !== 40) refuse(WHERE);
  const flags = view.getUint32(at + 8, true);
  if ((flags & ~0x3f) !== 0) refuse(WHERE);
  const messageType = view.getUint8(at + 6);
  if (!isMessageType(messageType)) refuse(WHERE);
  return {
    versionMajor,
    wireFormat,
    messageType,
    headerLen,
    flags,
    metaLen: view.getUint32(at + 12, true),
    bodyLen: view.getUint32(at + 16, true),
    sessionId: view.getUint32(at + 20, true),
    frameId: view.getUint32(at + 24, true),
    viewId: view.getUint16(at + 28, true),
    routeId: view.getUint16(at + 30, true),
    traceId: view.getBigUint64(at + 32, true),
  };
}

export function encode(value: preview3.CommonHeader, view: DataView, at: number): number {
  if (!(at >= 0 && at + 40 <= view.byteLength)) refuse(WHERE);
  const { messageType, flags, metaLen, bodyLen, sessionId, frameId, viewId, routeId, traceId } = value;
  if (value.versionMajor !== 1 || value.wireFormat !== 0 || value.headerLen !== 40) refuse(WHERE);
  if (messageType >>> 0 !== messageType || !isMessageType(messageType)) refuse(WHERE);
  if ((flags & 0x3f) !== flags) refuse(WHERE);
  if (metaLen >>> 0 !== metaLen || bodyLen >>> 0 !== bodyLen) refuse(WHERE);
  if (sessionId >>> 0 !== sessionId || frameId >>> 0 !== frameId) refuse(WHERE);
  if ((viewId & 0xffff) !== viewId || (routeId & 0xffff) !== routeId) refuse(WHERE);
  if (typeof traceId !== 'bigint' || BigInt.asUintN(64, traceId) !== traceId) refuse(WHERE);
  view.setUint32(at, 0x50524e4e, true);
  view.setUint8(at + 4, 1);
  view.setUint8(at + 5, 0);
  view.setUint8(at + 6, messageType);
  view.setUint8(at + 7, 40);
  view.setUint32(at + 8, flags, true);
  view.setUint32(at + 12, metaLen, true);
  view.setUint32(at + 16, bodyLen, true);
  view.setUint32(at + 20, sessionId, true);
  view.setUint32(at + 24, frameId, true);
  view.setUint16(at + 28, viewId, true);
  view.setUint16(at + 30, routeId, true);
  view.setBigUint64(at + 32, traceId, true);
  return at + 40;
}

/** message_type, session_id and frame_id. */
export function read3(view: DataView, at: number): number {
  if (!(at >= 0 && at + 40 <= view.byteLength)) refuse(WHERE);
  return view.getUint8(at + 6) + view.getUint32(at + 20, true) + view.getUint32(at + 24, true);
}
