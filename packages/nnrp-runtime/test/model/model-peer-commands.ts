import fc from 'fast-check';
import * as preview3 from 'nnrp-core/preview3';
import { cancelBytes, packetBytes } from '../support/wire-packets.js';
import { agree } from './model-agreement.js';
import { ModelPeer } from './model-peer.js';
import { applySubmit, SAYINGS } from './model-sayings.js';
import type { ModelConnection } from './model-state.js';
import { type ModelCommand, pick, Step } from './model-step.js';
import { modelClose, modelCloseAck, modelOpen, modelSubmit } from './model-wire.js';
import { ModelWorld } from './model-world.js';

const { InFlightPolicy, MessageType } = preview3;
const MAX_CONNECTIONS = 4;
const MAX_SESSIONS = 5;
/** Offset of body_len in the common header. */
const BODY_LEN_AT = 16;
/** A packet of a type that no revision has. */
const UNKNOWN_MESSAGE = packetBytes(MessageType.Ping);
UNKNOWN_MESSAGE[6] = 0x7e;

/** Several sayings in one write. */
const burst: fc.Arbitrary<ModelCommand> = fc
  .tuple(
    fc.nat(63),
    fc.array(fc.tuple(fc.nat(7), fc.oneof(...SAYINGS.map(([weight, arbitrary]) => ({ weight, arbitrary })))), {
      minLength: 1,
      maxLength: 6,
    }),
  )
  .map(
    ([which, sayings]) =>
      new Step(
        `burst ${which} [${sayings.map(([session, [text]]) => `${session}: ${text}`).join(', ')}]`,
        (state) => state.sessions.length > 0,
        async (state, world) => {
          const { connection } = pick(state.sessions, which);
          const parts: Uint8Array[] = [];
          for (const session of connection.sessions) session.newPatches = 0;
          for (const [index, [, say]] of sayings) {
            const { bytes, last = false } = say(pick(connection.sessions, index), connection);
            parts.push(...bytes);
            if (last) break;
          }
          await agree(connection, world, ...parts);
        },
      ),
  );

const connect: fc.Arbitrary<ModelCommand> = fc.boolean().map(
  (announced) =>
    new Step(
      `connect ${announced}`,
      ({ connections }) => connections.length < MAX_CONNECTIONS,
      async (state, world) => {
        const connection = state.newConnection();
        world.peers.set(connection.name, await ModelPeer.connect(world.server.localAddress));
        await open(connection, announced, world);
      },
    ),
);

async function open(connection: ModelConnection, announced: boolean, world: ModelWorld): Promise<void> {
  const peer = world.peers.get(connection.name) as ModelPeer;
  const { opened } = peer.ledger;
  const count = opened.length;
  await peer.settle(modelOpen(announced));
  if (opened.length !== count + 1 || opened[count] === 0) throw new Error('the session was not opened');
  connection.opened(opened[count] as number, announced);
  await agree(connection, world);
}

const openSession: fc.Arbitrary<ModelCommand> = fc.tuple(fc.nat(63), fc.boolean()).map(
  ([which, announced]) =>
    new Step(
      `open ${which} ${announced}`,
      ({ connections }) => connections.length > 0,
      async (state, world) => {
        const connection = pick(state.connections, which);
        if (connection.sessions.length < MAX_SESSIONS) await open(connection, announced, world);
      },
    ),
);

/** The server's application answers what it holds. */
const answer: fc.Arbitrary<ModelCommand> = fc
  .tuple(fc.nat(63), fc.constantFrom('push', 'push', 'push', 'complete', 'complete', 'drop', 'fail'))
  .map(
    ([which, how]) =>
      new Step(
        `answer ${which} ${how}`,
        ({ sessions }) => sessions.some((session) => session.inFlight.some(([, frame]) => !frame.completing)),
        async ({ sessions }, world) => {
          const frames = sessions.flatMap((session) =>
            session.inFlight.filter(([, one]) => !one.completing).map(([frameId, one]) => ({ session, frameId, one })),
          );
          const { session, frameId, one } = pick(frames, which);
          const held = world.held.get(ModelWorld.key(session.sessionId, frameId));
          if (held === undefined) throw new Error(`session ${session.sessionId}: no handler has frame ${frameId}`);
          const { operation } = held;
          const waits = one.heldPartials > 0;
          if (how === 'push') {
            if (session.holds(one) || waits) one.heldPartials++;
            else one.partials++;
            operation.push('part').catch(() => {});
          } else if (how === 'complete') {
            // What is held back goes first; a cancel in between is still one.
            if (waits) one.completing = true;
            else {
              held.answered = true;
              session.answered(one);
            }
            if (waits) held.answered = undefined;
            operation.complete('whole').catch(() => {});
          } else {
            held.answered = true;
            session.answered(one);
            if (how === 'fail') held.fail();
            else void operation.drop();
          }
          await agree(session.connection, world);
        },
      ),
  );

/** An operation that is not answered in its time. */
const deadline: fc.Arbitrary<ModelCommand> = fc.tuple(fc.nat(63), fc.integer({ min: 1, max: 6 })).map(
  ([which, budgetMs]) =>
    new Step(
      `deadline ${which} ${budgetMs}`,
      ({ sessions }) => sessions.length > 0,
      async ({ sessions }, world) => {
        const session = pick(sessions, which);
        const frameId = session.nextFrameId++;
        applySubmit(session, session.connection, frameId, 'expires');
        await agree(session.connection, world, modelSubmit(session.sessionId, frameId, 'hold', budgetMs));
      },
    ),
);

/** What concerns a session that is over. */
const late: fc.Arbitrary<ModelCommand> = fc
  .tuple(fc.nat(63), fc.constantFrom('submit', 'submit', 'cancel', 'close', 'confirm'))
  .map(
    ([which, what]) =>
      new Step(
        `late ${what} ${which}`,
        ({ connections }) => connections.some(({ gone }) => gone.length > 0),
        async (state, world) => {
          const session = pick(
            state.connections.flatMap(({ gone }) => gone),
            which,
          );
          const { connection, sessionId, over } = session;
          // The last word of a peer without a session would cost the connection; garbage does that elsewhere.
          if (connection.sessions.length === 0 && over !== 'unconfirmed') return;
          if (what === 'submit') {
            const frameId = session.nextFrameId++;
            if (over === 'closed') session.frame(frameId).terminals++;
            await agree(connection, world, modelSubmit(sessionId, frameId, 'echo late'));
          } else if (what === 'cancel') await agree(connection, world, cancelBytes(sessionId, 1));
          else if (what === 'close') {
            await agree(connection, world, modelClose(sessionId, InFlightPolicy.Abort, 0));
          } else {
            // Confirmed already, it is one more message for a session that is over.
            session.over = 'closed';
            await agree(connection, world, modelCloseAck(sessionId));
          }
        },
      ),
  );

/** The server's application closes a session, cancels all of it, or says how much it wants. */
const serve: fc.Arbitrary<ModelCommand> = fc.tuple(fc.nat(63), fc.constantFrom('close', 'cancel', 'flow', 'flow')).map(
  ([which, what]) =>
    new Step(
      `server ${what} ${which}`,
      ({ sessions }) => sessions.some(({ draining }) => !draining),
      async (state, world) => {
        const session = pick(
          state.sessions.filter(({ draining }) => !draining),
          which,
        );
        const { connection, sessionId } = session;
        const served = world.sessions.get(sessionId);
        if (served === undefined) throw new Error(`the server does not know session ${sessionId}`);
        if (what === 'flow') await served.sendFlowUpdate({ credit: which % 5 });
        else if (what === 'cancel') {
          served.cancelOperations(preview3.CancelScope.Session, 0);
          for (const [, frame] of session.inFlight) session.answered(frame);
        } else {
          const closing = served.close({ inFlightPolicy: InFlightPolicy.Abort });
          connection.ended(session, 'unconfirmed', true);
          if (!connection.announced) {
            // A client that knows no SESSION_CLOSE from a server is told by the end of the connection.
            const peer = world.peers.get(connection.name) as ModelPeer;
            await peer.until(() => peer.isOver, 'the connection to end');
            await closing;
            state.forget(connection);
            world.forget(connection.name);
            return;
          }
          await closing;
        }
        await agree(connection, world);
      },
    ),
);

/** What no packet is made of, or no packet may be: it costs the connection; so does leaving without a word. */
const leave: fc.Arbitrary<ModelCommand> = fc
  .tuple(
    fc.nat(63),
    fc.constantFrom('vanish', 'noise', 'oversize', 'unknown', 'end'),
    fc.uint8Array({ minLength: 48, maxLength: 90 }),
  )
  .map(
    ([which, how, noise]) =>
      new Step(
        `leave ${which} ${how}`,
        ({ connections }) => connections.length > 0,
        async (state, world) => {
          const connection = pick(state.connections, which);
          const peer = world.peers.get(connection.name) as ModelPeer;
          if (how === 'vanish') peer.destroy();
          else if (how === 'unknown') peer.send(UNKNOWN_MESSAGE);
          else if (how === 'end') peer.send(packetBytes(MessageType.Close));
          else if (how === 'noise') {
            noise[0] = 0x58;
            peer.send(noise);
          } else {
            const header = packetBytes(MessageType.Ping);
            new DataView(header.buffer).setUint32(BODY_LEN_AT, 0xf000_0000, true);
            peer.send(header);
          }
          if (how !== 'vanish') await peer.until(() => peer.isOver, 'the connection to end');
          state.forget(connection);
          world.forget(connection.name);
        },
      ),
  );

/** What bare peers and the application behind the server do. */
export const PEER_COMMANDS: readonly [number, fc.Arbitrary<ModelCommand>][] = [
  [2, connect],
  [3, openSession],
  [12, burst],
  [10, answer],
  [1, deadline],
  [2, late],
  [2, serve],
  [1, leave],
];
