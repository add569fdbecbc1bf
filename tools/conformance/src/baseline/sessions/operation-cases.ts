import { canAdvance, isTerminal, OperationRecord, OperationRegistry } from 'nnrp-core';
import * as preview3 from 'nnrp-core/preview3';
import type { ServeHandlers } from 'nnrp-runtime';
import type { BaselineCase } from '../baseline-case.js';
import type { Checks } from '../checks.js';
import { operationTable } from '../golden.js';
import { decoded, packetOf, submitBytes, WIRE } from '../wire-messages.js';

const { CancelScope, ErrorCode, MessageType, OperationState } = preview3;
const STATES = Object.values(OperationState);
const { Accepted, Running, Partial, WaitingTool, Superseded, Cancelled, Failed, Completed } = OperationState;

/** Cases of the life of operations. */
export const OPERATION_CASES: readonly BaselineCase[] = [
  {
    id: 'l1.operation.lifecycle.progression.validation',
    exercised:
      'Compares all 64 pairs of states with the golden table; on a live server a submit is accepted, running in ' +
      'its handler, partial after a partial result on the wire, partial again, and gone after the terminal one.',
    async run(check: Checks, stage) {
      const { legal, terminal } = operationTable();
      for (const from of STATES) {
        const allowed = STATES.filter((to) => canAdvance(from, to));
        const golden = legal.filter(([source]) => source === from).map(([, to]) => to);
        check.equal<number[]>(allowed, golden, `transitions from ${from}`);
      }
      check.equal<number[]>(
        STATES.filter((state) => isTerminal(state)),
        terminal,
        'terminal states',
      );
      const taken = await stage.openPeer(await stage.serve());
      taken.peer.send(submitBytes(1, 1));
      await taken.peer.settled();
      check.equal<unknown>(taken.session.operations.get(1)?.state, Accepted, 'a submit that nobody has taken');
      const operation = await stage.within(taken.session.receiveSubmit(), 'the submit');
      check.equal<number>(operation.state, Running, 'a submit that the application holds');
      await operation.push('a');
      await taken.peer.expect(MessageType.ResultPush, 1, 1);
      check.equal<number>(operation.state, Partial, 'after a partial result');
      await operation.complete('b');
      await taken.peer.expect(MessageType.ResultPush, 1, 1);
      check.equal<number>(operation.state, Completed, 'after the terminal result');

      const states: number[] = [];
      const { peer, session } = await stage.servedPeer({
        async *submit(running) {
          states.push(running.state);
          yield 'a';
          states.push(running.state);
          yield 'b';
          states.push(running.state);
          return 'c';
        },
      });
      peer.send(submitBytes(1, 2));
      for (let count = 0; count < 3; count++) await peer.expect(MessageType.ResultPush, 1, 2);
      check.equal<number[]>(states, [Running, Partial, Partial], 'states that the handler saw');
      check.equal([session.operations.get(2), session.operations.wasUsed(2)], [undefined, true], 'afterwards');
    },
  },
  {
    id: 'l1.operation.lifecycle.waiting_tool.validation',
    exercised:
      'In the registry of a live session an operation goes from running to waiting_tool and back; from ' +
      'waiting_tool it can neither complete nor become partial by itself, and it can be cancelled by the client, ' +
      'which gets its drop; the answer of an application to waiting work counts as running again and reaches the ' +
      'wire.',
    async run(check: Checks, stage) {
      const { peer, session } = await stage.openPeer(await stage.serve());
      const registry: unknown = session.operations;
      check.ok(registry instanceof OperationRegistry, 'the operations of the session are a registry');
      const states = (frameId: number, ...path: preview3.OperationState[]) =>
        path.map((to) => registry.transition(frameId, to)?.kind ?? registry.get(frameId)?.state);
      peer.send(submitBytes(1, 1), submitBytes(1, 2));
      const operation = await stage.within(session.receiveSubmit(), 'the first submit');
      await peer.settled();
      check.equal(states(2, WaitingTool), ['invalid_operation_transition'], 'waiting before it runs');
      await stage.within(session.receiveSubmit(), 'the second submit');
      check.equal(states(1, WaitingTool), [WaitingTool], 'waiting for a tool');
      const refused = 'invalid_operation_transition';
      check.equal(
        states(1, Partial, Completed, WaitingTool),
        [refused, refused, refused],
        'what waiting work cannot do',
      );
      check.equal(session.operations.get(1)?.state, WaitingTool, 'the state after what was refused');
      check.equal(states(1, Running, Partial, WaitingTool), [Running, Partial, WaitingTool], 'a second tool call');
      await operation.complete('with the tool');
      await peer.expect(MessageType.ResultPush, 1, 1);
      check.equal(registry.has(1), false, 'the operation after its answer');
      check.equal(states(2, WaitingTool), [WaitingTool], 'the second operation');
      peer.send(packetOf(MessageType.FrameCancel, 1, 2));
      await peer.expect(MessageType.ResultDrop, 1, 2);
      check.equal(registry.size, 0, 'operations in flight');
    },
  },
  {
    id: 'l1.operation.lifecycle.terminal_resolution.validation',
    exercised:
      'On a live server operations end by a result, by the cancel of the client, by a failing handler and by ' +
      'their deadline: each gets one terminal message on the wire, is forgotten, keeps its id used and takes no ' +
      'other state; a cancel that comes too late is ignored.',
    async run(check: Checks, stage) {
      const handlers: ServeHandlers = {
        submit(operation) {
          const what = Buffer.from(operation.body).toString();
          if (what === 'fail') throw new Error('no model');
          return what === 'complete' ? 'done' : operation.finished;
        },
      };
      const { peer, session } = await stage.servedPeer(handlers, { deadlines: true });
      peer.send(submitBytes(1, 1, 'complete'));
      await peer.expect(MessageType.ResultPush, 1, 1);
      peer.send(submitBytes(1, 2, 'wait'), packetOf(MessageType.FrameCancel, 1, 2));
      await peer.expect(MessageType.ResultDrop, 1, 2);
      peer.send(submitBytes(1, 3, 'fail'));
      const error = decoded(WIRE.error, await peer.expect(MessageType.Error, 1, 3));
      check.fields(error, { errorCode: ErrorCode.InternalError, isFatal: 0, errorScope: 2 }, 'why frame 3 failed');
      await peer.expect(MessageType.ResultDrop, 1, 3);
      peer.send(submitBytes(1, 4, 'wait', { latencyBudgetMs: 5 }));
      await peer.expectExplainedDrop(ErrorCode.FrameExpired, 1, 4);
      peer.send(...[1, 2, 3, 4, 5].map((frameId) => packetOf(MessageType.FrameCancel, 1, frameId)));
      check.equal((await peer.settled()).length, 0, 'answers to cancels of what is over or never was');
      for (const frameId of [1, 2, 3, 4]) {
        check.equal(
          [session.operations.has(frameId), session.operations.wasUsed(frameId)],
          [false, true],
          `${frameId}`,
        );
      }
      const registry = new OperationRegistry(1);
      [Superseded, Cancelled, Failed].forEach((end, index) => {
        registry.register(new OperationRecord(index + 1));
        check.equal(registry.transition(index + 1, end), undefined, `from accepted to ${end}`);
        const again = STATES.map((to) => registry.transition(index + 1, to)?.kind);
        check.equal(new Set(again), new Set(['unknown_operation'] as const), `what follows ${end}`);
      });
    },
  },
  {
    id: 'l1.operation.cancel_scope.validation',
    exercised:
      'session.cancelOperations on a live server with all four scopes: operation and subtree drop the frame ' +
      'itself, group is refused because submits carry no group, session drops every frame left in ascending ' +
      'order; the RESULT_DROPs are read from the wire. Trees and groups, which no preview3 message carries, go ' +
      'through the registry.',
    async run(check: Checks, stage) {
      const { peer, session } = await stage.openPeer(await stage.serve({ maxInFlightOperations: 8 }));
      const frames = [1, 2, 6, 4, 5, 3];
      peer.send(...frames.map((frameId) => submitBytes(1, frameId)));
      for (const frameId of frames) {
        check.equal((await stage.within(session.receiveSubmit(), 'a submit')).frameId, frameId, 'in flight');
      }
      check.equal(session.cancelOperations(CancelScope.Operation, 2), [2], 'scope operation');
      await peer.expect(MessageType.ResultDrop, 1, 2);
      check.equal(session.cancelOperations(CancelScope.Subtree, 4), [4], 'scope subtree');
      await peer.expect(MessageType.ResultDrop, 1, 4);
      check.throws(() => session.cancelOperations(CancelScope.Group, 5), 'NNRP_ERR_USAGE', 'scope group');
      check.throws(() => session.cancelOperations(CancelScope.Operation, 99), 'NNRP_ERR_USAGE', 'an unknown operation');
      check.equal(session.cancelOperations(CancelScope.Operation, 2), [], 'an operation that is over');
      check.equal((await peer.settled()).length, 0, 'drops for what was refused or over');
      check.equal(session.cancelOperations(CancelScope.Session, 5), [1, 3, 5, 6], 'scope session');
      for (const frameId of [1, 3, 5, 6]) await peer.expect(MessageType.ResultDrop, 1, frameId);
      check.equal([session.inFlightCount, session.state], [0, 'open'], 'the session afterwards');

      const registry = new OperationRegistry(1);
      const tree: readonly (readonly [number, number?, number?])[] = [[1], [2, 1], [3, 2, 7], [4], [5, 4, 7], [6, 1]];
      for (const record of tree)
        check.equal(registry.register(new OperationRecord(...record)), undefined, 'registered');
      const cancelled = (scope: preview3.CancelScope, id: number) => {
        const outcome = registry.cancel(scope, id);
        return 'fault' in outcome ? outcome.fault.kind : outcome.cancelled.map(({ operationId }) => operationId);
      };
      check.equal(cancelled(CancelScope.Group, 1), 'invalid_operation_relationship', 'a group of one without a group');
      check.equal(cancelled(CancelScope.Group, 5), [3, 5], 'a group');
      check.equal(cancelled(CancelScope.Subtree, 1), [1, 2, 6], 'a subtree');
      check.equal(cancelled(CancelScope.Session, 0), [4], 'the rest');
    },
  },
];
