import fc from 'fast-check';
import type { FlowFields } from 'nnrp-core';
import * as preview3 from 'nnrp-core/preview3';
import { type CallerSession, ModelCaller } from './model-caller.js';

import { MAX_IN_FLIGHT, type ModelState } from './model-state.js';
import { type ModelCommand, pick, Step } from './model-step.js';
import type { ModelWorld } from './model-world.js';

const { InFlightPolicy, UpdateReason } = preview3;
const MAX_CLIENTS = 3;
const MAX_SESSIONS = 4;

const hasSession = ({ clients }: ModelState) => clients.some(({ sessions }) => sessions.length > 0);

/** A session of a client, by number, with what belongs to it. */
function choose(state: ModelState, world: ModelWorld, which: number) {
  const all = state.clients.flatMap((client) => client.sessions.map((sessionId) => ({ client, sessionId })));
  const { client, sessionId } = pick(all, which);
  const caller = world.callers.get(client.name) as ModelCaller;
  const session = caller.sessions.find((one) => one.sessionId === sessionId) as CallerSession;
  return { client, sessionId, caller, session };
}

const connect: fc.Arbitrary<ModelCommand> = fc.constant(
  new Step(
    'client connect',
    ({ clients }) => clients.length < MAX_CLIENTS,
    async (state, world) => {
      const name = state.newName();
      const caller = await ModelCaller.connect(world.server.localAddress, world.breaches);
      world.callers.set(name, caller);
      const { sessionId } = await caller.open();
      world.windows.set(sessionId, MAX_IN_FLIGHT);
      state.clients.push({ name, sessions: [sessionId] });
    },
  ),
);

const openSession: fc.Arbitrary<ModelCommand> = fc.nat(63).map(
  (which) =>
    new Step(
      `client open ${which}`,
      ({ clients }) => clients.some(({ sessions }) => sessions.length < MAX_SESSIONS),
      async (state, world) => {
        const client = pick(
          state.clients.filter(({ sessions }) => sessions.length < MAX_SESSIONS),
          which,
        );
        const { sessionId } = await (world.callers.get(client.name) as ModelCaller).open();
        world.windows.set(sessionId, MAX_IN_FLIGHT);
        client.sessions.push(sessionId);
      },
    ),
);

const submit: fc.Arbitrary<ModelCommand> = fc
  .tuple(
    fc.nat(63),
    fc.array(fc.constantFrom('echo', 'later', 'stream 0', 'stream 7', 'stream 40', 'hold', 'throw', 'reject', 'soon'), {
      minLength: 1,
      maxLength: 8,
    }),
  )
  .map(
    ([which, modes]) =>
      new Step(`client submit ${which} ${modes.join(', ')}`, hasSession, async (state, world) => {
        const { session } = choose(state, world, which);
        for (const mode of modes) {
          if (mode === 'soon') session.submit('hold', 3);
          else session.submit(mode.includes(' ') ? mode : `${mode} word`);
        }
      }),
  );

const cancel: fc.Arbitrary<ModelCommand> = fc.nat(63).map(
  (which) =>
    new Step(`client cancel ${which}`, hasSession, async (state, world) => {
      const { caller } = choose(state, world, which);
      const { calls } = caller;
      if (calls.length > 0) pick(calls, which).controller.abort();
    }),
);

/** Handlers that hold work of clients are done with it. */
const release: fc.Arbitrary<ModelCommand> = fc.tuple(fc.nat(63), fc.boolean()).map(
  ([which, fails]) =>
    new Step(`client release ${which} ${fails}`, hasSession, async (state, world) => {
      const { sessionId } = choose(state, world, which);
      releaseHeld(world, sessionId, fails);
    }),
);

function releaseHeld(world: ModelWorld, sessionId: number, fails: boolean): void {
  for (const held of [...world.held.values()]) {
    if (held.operation.session.sessionId !== sessionId || held.answered !== false) continue;
    // A client that has paused holds the answer back; it may still cancel.
    held.answered = undefined;
    if (fails) held.fail();
    else held.operation.complete('done').catch(() => {});
  }
}

const patch: fc.Arbitrary<ModelCommand> = fc.nat(63).map(
  (which) =>
    new Step(`client patch ${which}`, hasSession, async (state, world) => {
      const { session } = choose(state, world, which);
      const ack = await session.session.patch({ qualityTier: which });
      if (ack.effectiveQualityTier !== which) throw new Error(`patched ${which}, got ${ack.effectiveQualityTier}`);
    }),
);

const FLOWS: readonly FlowFields[] = [
  { updateReason: UpdateReason.Pause },
  { updateReason: UpdateReason.Resume },
  { updateReason: UpdateReason.Resume },
  { credit: 0 },
  { credit: 1 },
  { credit: 3 },
  { credit: 9 },
  { retryAfterMs: 2 },
];

/** The client says how many results it wants. */
const wanted: fc.Arbitrary<ModelCommand> = fc.tuple(fc.nat(63), fc.constantFrom(...FLOWS), fc.boolean()).map(
  ([which, flow, whole]) =>
    new Step(`client flow ${which} ${JSON.stringify(flow)} ${whole}`, hasSession, async (state, world) => {
      const { caller, session } = choose(state, world, which);
      if (whole) caller.client.sendFlowUpdate(flow);
      else session.session.sendFlowUpdate(flow);
    }),
);

/** The server says how much work it wants, and the client keeps to it from then on. */
const granted: fc.Arbitrary<ModelCommand> = fc.tuple(fc.nat(63), fc.constantFrom(...FLOWS)).map(
  ([which, flow]) =>
    new Step(`client granted ${which} ${JSON.stringify(flow)}`, hasSession, async (state, world) => {
      const { sessionId } = choose(state, world, which);
      if (world.sessions.has(sessionId)) await grant(state, world, which, flow);
    }),
);

async function grant(state: ModelState, world: ModelWorld, which: number, flow: FlowFields): Promise<void> {
  const { caller, session, sessionId } = choose(state, world, which);
  session.told(flow);
  // Until the client has heard of it, it keeps to the larger of both.
  world.windows.set(sessionId, Math.max(world.windows.get(sessionId) ?? 0, session.window));
  await world.sessions.get(sessionId)?.sendFlowUpdate(flow);
  // The first answer comes after the update; the second one after whatever was submitted before it was heard.
  await caller.client.ping();
  await caller.client.ping();
  // What had been in flight before may still be; nothing may be added to it (see ModelWorld).
  world.windows.set(sessionId, session.window);
}

const close: fc.Arbitrary<ModelCommand> = fc
  .tuple(fc.nat(63), fc.constantFrom('drain', 'abort', 'server', 'server drain'), fc.constantFrom(0, 6))
  .map(
    ([which, how, drainTimeoutMs]) =>
      new Step(`client close ${which} ${how} ${drainTimeoutMs}`, hasSession, async (state, world) => {
        const { client, caller, session, sessionId } = choose(state, world, which);
        const inFlightPolicy = how.endsWith('drain') ? InFlightPolicy.Drain : InFlightPolicy.Abort;
        if (how.startsWith('server')) await world.sessions.get(sessionId)?.close({ inFlightPolicy, drainTimeoutMs });
        else await session.session.close({ inFlightPolicy, drainTimeoutMs });
        await world.until(
          () => session.session.endReason !== undefined && session.calls.size === 0,
          () => `session ${sessionId}: closed, and ${session.calls.size} calls wait for their end`,
        );
        // The server may give the id to the next session.
        client.sessions.splice(client.sessions.indexOf(sessionId), 1);
        caller.sessions.splice(caller.sessions.indexOf(session), 1);
        world.windows.delete(sessionId);
      }),
  );

const leave: fc.Arbitrary<ModelCommand> = fc.tuple(fc.nat(63), fc.boolean()).map(
  ([which, abruptly]) =>
    new Step(
      `client leave ${which} ${abruptly}`,
      ({ clients }) => clients.length > 0,
      async (state, world) => {
        const client = pick(state.clients, which);
        const caller = world.callers.get(client.name) as ModelCaller;
        if (abruptly) caller.vanish();
        else await caller.client.close({ drainTimeoutMs: 0 });
        await world.until(
          () => caller.calls.length === 0,
          () => `client ${client.name} has left, and ${caller.calls.length} calls wait for their end`,
        );
        for (const sessionId of client.sessions) world.windows.delete(sessionId);
        state.clients.splice(state.clients.indexOf(client), 1);
        world.callers.delete(client.name);
      },
    ),
);

/** Lets all work come to its end, then leaves. */
export async function finishCallers(state: ModelState, world: ModelWorld): Promise<void> {
  for (const client of state.clients.splice(0)) {
    const caller = world.callers.get(client.name) as ModelCaller;
    caller.client.sendFlowUpdate({ updateReason: UpdateReason.Resume, credit: 100 });
    for (const sessionId of client.sessions) {
      const session = caller.sessions.find((one) => one.sessionId === sessionId) as CallerSession;
      session.session.sendFlowUpdate({ updateReason: UpdateReason.Resume, credit: 100 });
      const flow = { updateReason: UpdateReason.Resume, credit: MAX_IN_FLIGHT };
      world.windows.set(sessionId, MAX_IN_FLIGHT);
      session.told(flow);
      await world.sessions.get(sessionId)?.sendFlowUpdate(flow);
      await world.until(
        () => {
          releaseHeld(world, sessionId, false);
          return session.calls.size === 0;
        },
        () => `session ${sessionId}: no end for ${[...session.calls].map(({ text }) => text).join(', ')}`,
      );
      // Work that was given up takes up its place until the server has had its last word.
      await world.until(
        () => session.session.inFlightCount === 0,
        () => `session ${sessionId}: not idle`,
      );
    }
    await caller.client.close({ drainTimeoutMs: 0 });
    world.callers.delete(client.name);
  }
}

/** What real clients do. */
export const CALLER_COMMANDS: readonly [number, fc.Arbitrary<ModelCommand>][] = [
  [1, connect],
  [2, openSession],
  [8, submit],
  [3, cancel],
  [3, release],
  [2, patch],
  [2, wanted],
  [2, granted],
  [1, close],
  [1, leave],
];
