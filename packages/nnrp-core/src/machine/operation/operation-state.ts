import { OperationState } from '../../generated/preview3/enums.js';

const { Accepted, Running, Partial, WaitingTool, Superseded, Cancelled, Failed, Completed } = OperationState;

/**
 * Where an operation can go from each of its states: 20 pairs, and none from the four terminal states. An accepted
 * operation cannot complete at once, a running one cannot be started again, one that waits for a tool has to run before
 * it completes; only `partial` may repeat, once for each part.
 *
 * @see NNRP/1-preview3 section 6 (operation_state)
 */
export const OPERATION_TRANSITIONS: Readonly<Record<OperationState, readonly OperationState[]>> =
  /* @__PURE__ */ Object.freeze({
    [Accepted]: [Running, Superseded, Cancelled, Failed],
    [Running]: [Partial, WaitingTool, Superseded, Cancelled, Failed, Completed],
    [Partial]: [Partial, WaitingTool, Superseded, Cancelled, Failed, Completed],
    [WaitingTool]: [Running, Superseded, Cancelled, Failed],
    [Superseded]: [],
    [Cancelled]: [],
    [Failed]: [],
    [Completed]: [],
  });

/** The same table as bits: bit `to` of row `from`. */
const LEGAL: readonly number[] = /* @__PURE__ */ Object.values(OPERATION_TRANSITIONS).map((next) =>
  next.reduce<number>((bits, to) => bits | (1 << to), 0),
);

/** Whether an operation in this state has ended: nothing follows. */
export function isTerminal(state: OperationState): boolean {
  return state >= Superseded;
}

/** Whether an operation may go from one state to the other; without a search, since it runs for every frame. */
export function canAdvance(from: OperationState, to: OperationState): boolean {
  return ((LEGAL[from] ?? 0) & (1 << to)) !== 0;
}
