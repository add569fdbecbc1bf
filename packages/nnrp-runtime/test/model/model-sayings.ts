import fc from 'fast-check';
import * as preview3 from 'nnrp-core/preview3';
import { cancelBytes, packetBytes } from '../support/wire-packets.js';
import type { ModelConnection, ModelSession } from './model-state.js';
import { pick } from './model-step.js';
import { type ModelFlow, malformedSubmit, modelClose, modelFlow, modelPatch, modelSubmit } from './model-wire.js';

const { InFlightPolicy, MessageType } = preview3;

/** One thing that a peer says inside a burst. @returns the bytes, and whether the burst ends with it */
export type Say = (session: ModelSession, connection: ModelConnection) => { bytes: Uint8Array[]; last?: boolean };

const submits =
  (mode: string): Say =>
  (session, connection) => {
    const frameId = session.nextFrameId++;
    applySubmit(session, connection, frameId, mode);
    return { bytes: [modelSubmit(session.sessionId, frameId, `${mode} x`)] };
  };

/** Enters a submit into the model; one that a handler does not hold is answered at once. */
export function applySubmit(session: ModelSession, connection: ModelConnection, frameId: number, mode: string): void {
  const outcome = session.submitted(frameId);
  if (outcome === 'duplicate') connection.duplicates++;
  if (outcome === 'taken' && mode !== 'hold') session.answered(session.frame(frameId));
}

function frameOf(session: ModelSession, index: number): number {
  const ids = [...session.frames.keys()];
  return ids.length === 0 ? 0 : pick(ids, index);
}

/** What a peer may say to a session of its connection, as often as its weight says. */
export const SAYINGS: readonly [weight: number, saying: fc.Arbitrary<[string, Say]>][] = [
  [8, fc.constant(['hold', submits('hold')])],
  [4, fc.constant(['echo', submits('echo')])],
  [2, fc.constant(['throw', submits('throw')])],
  [
    2,
    fc.constant([
      'gap',
      (session, connection) => {
        session.nextFrameId += 3;
        return submits('hold')(session, connection);
      },
    ]),
  ],
  [
    4,
    fc.nat(63).map((index): [string, Say] => [
      `duplicate ${index}`,
      (session, connection) => {
        const frameId = frameOf(session, index);
        if (frameId === 0 || session.frame(frameId).free) return { bytes: [] };
        // A drained session takes no submit, so it cannot tell a frame that it has answered from one it never had.
        if (session.draining && !session.frame(frameId).inFlight) return { bytes: [] };
        applySubmit(session, connection, frameId, 'hold');
        return { bytes: [modelSubmit(session.sessionId, frameId, 'hold again')] };
      },
    ]),
  ],
  [
    6,
    fc.nat(63).map((index): [string, Say] => [
      `cancel ${index}`,
      (session) => {
        const frameId = frameOf(session, index);
        if (frameId === 0) return { bytes: [] };
        const frame = session.frame(frameId);
        if (frame.inFlight) session.answered(frame);
        return { bytes: [cancelBytes(session.sessionId, frameId)] };
      },
    ]),
  ],
  [1, fc.constant(['cancel unknown', (session) => ({ bytes: [cancelBytes(session.sessionId, 0x7000_0000)] })])],
  [
    2,
    fc.constant([
      'malformed submit',
      (session) => {
        const frameId = session.nextFrameId++;
        const frame = session.frame(frameId);
        frame.terminals++;
        frame.free = true;
        return { bytes: [malformedSubmit(session.sessionId, frameId)] };
      },
    ]),
  ],
  [
    3,
    fc.nat(15).map((tier): [string, Say] => [
      `patch ${tier}`,
      (session) => {
        if (session.draining && session.inFlight.length === 0) return { bytes: [] };
        session.patches++;
        session.newPatches++;
        return { bytes: [modelPatch(session.sessionId, tier)] };
      },
    ]),
  ],
  [
    8,
    fc
      .tuple(
        fc.constantFrom<ModelFlow['kind']>('pause', 'hard', 'no_credit', 'resume', 'resume', 'credit', 'credit'),
        fc.integer({ min: -2, max: 3 }),
        fc.constantFrom('connection', 'session', 'operation'),
        fc.nat(63),
      )
      .map(([kind, newer, scopeName, index]): [string, Say] => [
        `flow ${kind} ${scopeName} ${newer} ${index}`,
        (session, connection) => {
          const frameId = scopeName === 'operation' ? frameOf(session, index) : 0;
          if (scopeName === 'operation' && frameId === 0) return { bytes: [] };
          const frame = frameId === 0 ? undefined : session.frame(frameId);
          const scope = frame?.scope ?? (scopeName === 'session' ? session.scope : connection.scope);
          const flow = { kind, epoch: Math.max(0, (scope.epoch ?? 0) + newer) };
          // An operation that is over has nothing to hold back.
          if (frame === undefined || frame.inFlight) scope.apply(flow);
          // What is released is in flight no more when the next saying of the same burst is read.
          for (const other of connection.sessions) other.recheck();
          return { bytes: [modelFlow(scopeName === 'connection' ? 0 : session.sessionId, frameId, flow)] };
        },
      ]),
  ],
  [
    2,
    fc
      .tuple(fc.constantFrom(InFlightPolicy.Drain, InFlightPolicy.Abort), fc.constantFrom(0, 8, 60_000))
      .map(([policy, drainMs]): [string, Say] => [
        `close ${policy} ${drainMs}`,
        (session, connection) => {
          if (session.draining) return { bytes: [modelClose(session.sessionId, policy, drainMs)] };
          const drains = policy === InFlightPolicy.Drain && session.inFlight.length > 0;
          if (drains && drainMs === 60_000) session.draining = true;
          else {
            session.closeAcked = true;
            connection.ended(session, 'closed', true);
          }
          return { bytes: [modelClose(session.sessionId, policy, drainMs)], last: true };
        },
      ]),
  ],
  [
    1,
    fc.constantFrom('submit 0', 'cancel 0', 'result').map((lie): [string, Say] => [
      `lie ${lie}`,
      (session, connection) => {
        const { sessionId } = session;
        session.patches -= session.newPatches;
        // The session is the price, and its frames go without an answer: SESSION_CLOSE is theirs.
        connection.ended(session, 'unconfirmed', false);
        if (lie === 'submit 0') return { bytes: [modelSubmit(sessionId, 0, 'echo x')], last: true };
        if (lie === 'cancel 0') return { bytes: [cancelBytes(sessionId, 0)], last: true };
        return { bytes: [packetBytes(MessageType.ResultDrop, sessionId, 1)], last: true };
      },
    ]),
  ],
];
