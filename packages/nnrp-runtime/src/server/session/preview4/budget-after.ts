import * as preview4 from 'nnrp-core/preview4';
import type { OperationBudget } from '../../contract/preview4/operation-facts.js';

const U64 = 0xffff_ffff_ffff_ffffn;
const U32 = 0xffff_ffff;

/** What is left of a budget: replaced by what the client says, or increased by it where its flags say so. */
export function budgetAfter(before: OperationBudget | undefined, update: preview4.Budget): OperationBudget {
  const { operationId: _, flags, ...budget } = update;
  if (before === undefined || (flags & preview4.BudgetFlags.Increment) === 0) return budget;
  return {
    computeBudgetUnits: sum(before.computeBudgetUnits, budget.computeBudgetUnits),
    memoryBudgetBytes: sum(before.memoryBudgetBytes, budget.memoryBudgetBytes),
    bandwidthBudgetBytes: sum(before.bandwidthBudgetBytes, budget.bandwidthBudgetBytes),
    tokenBudget: Math.min(before.tokenBudget + budget.tokenBudget, U32),
  };
}

function sum(one: bigint, other: bigint): bigint {
  const both = one + other;
  return both > U64 ? U64 : both;
}
