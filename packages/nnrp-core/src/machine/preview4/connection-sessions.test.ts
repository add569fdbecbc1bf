import { describe, expect, it } from 'vitest';
import { decodePacket } from '../../packet/decode-packet.js';
import { Packet } from '../../packet/packet.js';
import { ConnectionSessions } from './connection-sessions.js';

const [OPEN_ACK, CLOSE, CLOSE_ACK, FLOW] = [8, 9, 10, 23];

/** A packet of zeros but for what is given; header ids may be what no splitter lets through. */
function packet(type: number, sessionId: number, bytes: number, set: (metadata: DataView) => void = () => {}): Packet {
  const all = new Uint8Array(40 + bytes);
  const view = new DataView(all.buffer);
  all.set([0x4e, 0x4e, 0x52, 0x50, 1, 0, type, 40]);
  view.setUint32(12, bytes, true);
  view.setUint32(20, sessionId, true);
  set(new DataView(all.buffer, 40));
  return new Packet(all, view, 0, bytes, 0);
}

const ack = (sessionId: number, status = 0) =>
  packet(OPEN_ACK, 0, 56, (metadata) => {
    metadata.setUint32(0, sessionId, true);
    metadata.setUint8(7, status);
  });
const close = (sessionId: number) => packet(CLOSE, sessionId, 24);
const closeAck = (sessionId: number, status: number) =>
  packet(CLOSE_ACK, sessionId, 16, (metadata) => metadata.setUint16(0, status, true));
const flow = (sessionId: number, scope: number) =>
  packet(FLOW, sessionId, 32, (metadata) => metadata.setUint8(0, scope));

describe('the sessions of a connection', () => {
  it('take the answers that packets give, and refuse others by their rules', () => {
    const sessions = new ConnectionSessions();
    const rule = (name: string) => ({ kind: 'invalid_combination', rule: name });
    expect(sessions.openAnswered(ack(0))).toEqual(rule('LIFE-1'));
    expect(sessions.openAnswered(ack(5, 1))).toEqual(rule('LIFE-2'));
    expect(sessions.openAnswered(ack(0, 1))).toBeUndefined();
    expect(sessions.openAnswered(ack(5))).toBeUndefined();
    expect(sessions.openAnswered(ack(5))).toEqual({ kind: 'session_already_exists', sessionId: 5 });
    expect(sessions.closeRequested(closeAck(5, 2))).toEqual(rule('LIFE-3'));
    expect(sessions.closeRequested(close(0))).toEqual(rule('LIFE-4'));
    expect(sessions.closeAnswered(close(5))).toEqual(rule('LIFE-5'));
    expect(sessions.closeAnswered(closeAck(0, 2))).toEqual(rule('LIFE-6'));
    expect(sessions.flowUpdated(close(5))).toEqual(rule('FLOW-1'));
    expect(sessions.flowUpdated(flow(5, 0))).toEqual(rule('FLOW-2'));
    expect(sessions.flowUpdated(flow(6, 1))).toEqual({ kind: 'unknown_session', sessionId: 6 });
    expect([...sessions]).toEqual([[5, 'open']]);
  });

  it('keep a closed id from being used again, until they forget it', () => {
    const sessions = new ConnectionSessions(1);
    for (const id of [1, 2]) {
      sessions.openAnswered(ack(id));
      sessions.closeRequested(close(id));
      sessions.closeAnswered(closeAck(id, 2));
    }
    expect([...sessions]).toEqual([[2, 'closed']]);
    expect(sessions.openAnswered(ack(2))).toEqual({ kind: 'session_already_exists', sessionId: 2 });
    expect(sessions.openAnswered(ack(1, 3))).toBeUndefined();
    expect(sessions.closeRequested(close(1))).toBeUndefined();
    expect(sessions.closeAnswered(closeAck(1, 3))).toBeUndefined();
    expect(sessions.state(1)).toBe('resumed');
  });

  it('take whole packets as a reader makes them', () => {
    const sessions = new ConnectionSessions();
    sessions.openAnswered(decodePacket(ack(5).bytes));
    expect(sessions.flowUpdated(decodePacket(flow(5, 1).bytes))).toBeUndefined();
    expect(sessions.flowUpdated(decodePacket(flow(0, 0).bytes))).toBeUndefined();
  });
});
