import { setTimeout as passing } from 'node:timers/promises';
import type { OperationContext } from '../../src/server/contract/contract.js';
import { HandlerError } from '../../src/server/failures/handler-error.js';
import type { ServeHandlers } from '../../src/server/serve/serve-handlers.js';
import type { CutLedger } from './cut-ledger.js';
import { Dice } from './dice.js';

/** What a submit asks for, in its body. */
export interface Order {
  readonly id: string;
  /** `stream`: numbered partials; `once`: one result; `wait`: nothing until it is cancelled; `drop`, `fail`: no result. */
  readonly work: 'stream' | 'once' | 'wait' | 'drop' | 'fail';
  readonly partials: number;
  /** For pauses and lengths. */
  readonly seed: number;
  readonly padding: string;
}

/** A result of an order: its number, or `last` behind so many. */
export function resultText(id: string, number: number | `last ${number}`): string {
  return `${id} ${number} `;
}

const LONG_PERCENT = 3;
const PAUSE_PERCENT = 40;

/** A server's handlers that do as the submit says, and note each thing that reaches them. */
export function cutHandlers(ledger: CutLedger): ServeHandlers {
  return {
    async submit(operation) {
      const order = operation.json() as Order;
      ledger.once(order.id, 'handled');
      return work(operation, order, ledger);
    },
    cancel: ({ frameId }, session) => ledger.once(`${tagOf(session)}/${frameId}`, 'cancel'),
    patch(patch, session) {
      ledger.once(tagOf(session), `patch ${patch.metadata.targetCadenceX100}`);
      return {};
    },
    session: (session) => ledger.sessionAtServer(tagOf(session), 'opened', `session ${session.sessionId} is open`),
    ended(session, reason) {
      ledger.sessionAtServer(tagOf(session), 'ended', `session ${session.sessionId} has ended: ${reason.message}`);
    },
  };
}

function tagOf({ clientOpen }: { readonly clientOpen: { readonly clientSessionTag: bigint } }): string {
  return `session ${clientOpen.clientSessionTag}`;
}

async function work(operation: OperationContext, order: Order, ledger: CutLedger) {
  const { id } = order;
  ledger.running++;
  operation.finished.then(() => {
    ledger.running--;
    const { abortReason } = operation;
    ledger.tell(id, abortReason === undefined ? 'is over' : `is over: ${abortReason.message}`);
  });
  switch (order.work) {
    case 'stream':
      return numbered(order, ledger);
    case 'once':
      await passing(order.seed % 20);
      return `${resultText(id, 'last 0')}${order.padding}`;
    case 'wait':
      await operation.finished;
      return;
    case 'drop':
      await passing(order.seed % 20);
      await operation.drop();
      return;
    case 'fail':
      await passing(order.seed % 20);
      throw new HandlerError('CUT_TEST', id);
  }
}

async function* numbered({ id, partials, seed }: Order, ledger: CutLedger) {
  const dice = new Dice(seed);
  for (let number = 0; number < partials; number++) {
    if (dice.percent(PAUSE_PERCENT)) await passing(dice.below(25));
    const bytes = dice.percent(LONG_PERCENT) ? dice.below(40_000) : dice.below(300);
    ledger.tell(id, `yields ${number}`);
    yield `${resultText(id, number)}${'-'.repeat(bytes)}`;
  }
  ledger.tell(id, 'yields the last');
  return resultText(id, `last ${partials}`);
}
