import type * as preview3 from 'nnrp-core/preview3';
import { SessionErrorCode } from 'nnrp-core/preview3';
import { isThenable, settledOnce } from '../../base/thenable.js';
import type { PeerIdentity } from '../../transport/contract/peer-identity.js';

/** What a policy may look at besides the request itself. */
export interface SessionOpenContext {
  /** The peer, such as 127.0.0.1:51000. */
  readonly remoteAddress: string;
  /** The identity of the peer by TLS; absent without TLS. */
  readonly peerIdentity?: PeerIdentity;
  /** The authentication block of the request; empty when none was sent. A copy for this call. */
  readonly auth: Uint8Array;
  /** The authentication block of CLIENT_HELLO; empty when there was none. */
  readonly helloAuth: Uint8Array;
  /** The session that is resumed, whose token is right; absent for a new one. What it was granted before may have been revoked. */
  readonly resumes?: number;
}

/** A session is granted, but not quite as it was asked for. */
export interface SessionGrant {
  /** A less urgent class than the one asked for; the client is told by priority_downgraded. */
  readonly priorityClass?: preview3.SessionPriorityClass;
}

/** undefined or a grant; or a code to refuse with: a SessionErrorCode, or any other unsigned 32-bit number. */
export type PolicyDecision = undefined | number | SessionGrant;

/** What a policy returns: its decision, nothing to grant, or a promise of either. */
// biome-ignore lint/suspicious/noConfusingVoidType: a policy that only looks returns void
export type PolicyAnswer = PolicyDecision | void | Promise<PolicyDecision | void>;

/** Decides whether a session that the server could grant is granted. */
export interface NnrpServerPolicy {
  /**
   * A policy that throws or rejects, or takes longer than `policyTimeoutMs`, refuses with auth_failed; an error is
   * reported as the event `sessionRefused`. Clients that understand more than the code are told that it failed, and of a
   * HandlerError exactly what it says.
   */
  validateSessionOpen(open: preview3.SessionOpen, context: SessionOpenContext): PolicyAnswer;
}

/** Grants every session. */
export class AllowAllServerPolicy implements NnrpServerPolicy {
  validateSessionOpen(): undefined {
    return undefined;
  }
}

/** What `authorize` decides: true or a grant lets the client in, and nothing else does. */
export type AuthorizationDecision = boolean | SessionGrant | number | null | undefined;

/** What `authorize` returns: its decision, or a promise of it. */
export type Authorization = AuthorizationDecision | Promise<AuthorizationDecision>;

/** A policy as one function. */
export type Authorize = (open: preview3.SessionOpen, context: SessionOpenContext) => Authorization;

/**
 * What a configuration names, by itself or as a function.
 * @param invalid - refuses an option
 */
export function configuredPolicy(
  given: { readonly applicationPolicy?: NnrpServerPolicy | undefined; readonly authorize?: Authorize | undefined },
  invalid: (field: string, expected: string, got: unknown, shown?: string) => never,
): NnrpServerPolicy {
  const { applicationPolicy, authorize } = given;
  if (authorize !== undefined) {
    if (typeof authorize !== 'function') return invalid('authorize', 'a function', authorize);
    if (applicationPolicy !== undefined)
      return invalid('authorize', 'the place of applicationPolicy', authorize, 'both');
    return policyOf(authorize);
  }
  if (applicationPolicy === undefined) return new AllowAllServerPolicy();
  if (typeof applicationPolicy?.validateSessionOpen !== 'function')
    return invalid('applicationPolicy', 'an object with a method validateSessionOpen', applicationPolicy);
  return applicationPolicy;
}

/**
 * The policy that a function is. True or a grant grants. A number refuses with that code. False, null and undefined refuse
 * with auth_failed: a look-up that finds nothing must not let the client in.
 */
function policyOf(authorize: Authorize): NnrpServerPolicy {
  return {
    validateSessionOpen(open, context) {
      const answer = authorize(open, context);
      return isThenable(answer)
        ? settledOnce<AuthorizationDecision>(answer).then(decisionOf)
        : decisionOf(answer as AuthorizationDecision);
    },
  };
}

function decisionOf(answer: AuthorizationDecision): PolicyDecision {
  if (answer === true) return undefined;
  return answer === false || answer === null || answer === undefined ? SessionErrorCode.AuthFailed : answer;
}
