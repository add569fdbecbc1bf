import { shownValue, UsageError } from 'nnrp-core';
import type * as preview3 from 'nnrp-core/preview3';
import { SessionPriorityClass } from 'nnrp-core/preview3';
import { checkOptions } from '../../base/options.js';
import type { PolicyDecision, SessionGrant } from '../contract/policy.js';

const GRANT: ReadonlySet<string> = new Set<keyof SessionGrant>(['priorityClass']);
const CLASSES: readonly number[] = Object.values(SessionPriorityClass);

/** Read once: it may have a getter that throws, or says something else the next time. */
export function grantOf(decision: PolicyDecision | null): SessionGrant | { readonly thrown: unknown } {
  if (typeof decision !== 'object' || decision === null) return {};
  try {
    // What was not meant as a grant must not be one: an Error that was returned, a generator, a code in a list.
    if (!('priorityClass' in decision) && !isPlain(decision)) return { thrown: noGrant(decision) };
    checkOptions('policy, the grant', decision, GRANT);
    const { priorityClass } = decision;
    return priorityClass === undefined ? {} : { priorityClass };
  } catch (thrown) {
    return { thrown };
  }
}

/** Of any realm. */
function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.hasOwn(prototype as object, 'isPrototypeOf');
}

function noGrant(decision: unknown): UsageError {
  const expected = 'undefined, a grant or an unsigned 32-bit code';
  return new UsageError(`policy: expected ${expected}, got ${shownValue(decision)}`);
}

/** What is wrong with the answer of a policy, if anything is. */
export function wrongAnswer(
  open: preview3.SessionOpen,
  decision: PolicyDecision | null,
  { priorityClass }: SessionGrant,
): UsageError | undefined {
  if (decision !== undefined && decision !== null && typeof decision !== 'object') {
    return noGrant(decision);
  }
  if (priorityClass === undefined || (CLASSES.includes(priorityClass) && priorityClass >= open.priorityClass)) {
    return undefined;
  }
  return new UsageError(`policy: priorityClass ${shownValue(priorityClass)} is no downgrade of ${open.priorityClass}`);
}
