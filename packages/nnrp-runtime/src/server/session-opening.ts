import {
  checkOpenRequest,
  chooseSessionId,
  openedAck,
  type Packet,
  preview3,
  rejectedAck,
  type SessionIds,
  type SessionOpenTerms,
  UsageError,
} from 'nnrp-core';
import type { ApplicationContext } from '../base/application-context.js';
import { type Guarded, guard, later } from '../base/guard.js';
import { announcedFamilies } from '../connection/announcement.js';
import { isThenable, settledOnce } from '../thenable.js';
import type { PeerIdentity } from '../transport/peer-identity.js';
import type { PolicyAnswer, PolicyDecision, SessionGrant, SessionOpenContext } from './policy.js';
import type { NnrpServerConfig } from './server-config.js';
import type { SessionRefused } from './server-events.js';

const { ErrorCode, SessionErrorCode, SessionFlags, SessionPriorityClass } = preview3;
const CLASSES: readonly number[] = Object.values(SessionPriorityClass);
/** Packets that may wait for a slow policy before the connection is not read any more. */
const MAX_WAITING = 64;
const MAX_WAITING_BYTES = 1024 * 1024;

/** What opening a session needs of the connection and the server. */
export interface OpeningOwner extends Guarded {
  /** Where the application handed its policy over. */
  readonly policyContext: ApplicationContext;
  readonly remoteAddress: string;
  readonly peerIdentity: PeerIdentity | undefined;
  readonly helloAuth: Uint8Array;
  readonly isClosed: boolean;
  readonly ids: SessionIds;
  /** Whether there are as many sessions as there may be. */
  isFull(): boolean;
  /**
   * The client has shown that it knows more than the reference client.
   * @param families - bits of PeerMessages that it says it understands; 0 when it does not say
   */
  announced(families: number): void;
  granted(open: preview3.SessionOpen, ack: preview3.SessionOpenAck): void;
  refused(refusal: SessionRefused, ack: preview3.SessionOpenAck): void;
  /** The request cannot be read. */
  malformed(packet: Packet, text: string, errorCode: number): void;
  /** A packet that had to wait for a decision. */
  resumed(packet: Packet): void;
  hold(): void;
  release(): void;
}

/** What a configuration grants; made once for a server. */
export function openTerms(config: NnrpServerConfig): SessionOpenTerms {
  return {
    ...config,
    hasSchema: (id, version) => config.schemaRegistry.has(id, version),
    grantedSessionFlags:
      (config.backgroundResults ? SessionFlags.AllowBackgroundResults : 0) |
      (config.cacheLeases ? SessionFlags.AllowCacheLeases : 0) |
      (config.schemaOverride ? SessionFlags.AllowSchemaOverride : 0),
  };
}

/**
 * Opens the sessions of one connection, one after the other: what arrives while a policy is being asked and could belong
 * to the session in question waits for the decision; what belongs to other sessions does not.
 */
export class SessionOpening {
  private waiting: Packet[] | undefined;
  private waitingBytes = 0;
  private holding = false;

  constructor(
    private readonly config: NnrpServerConfig,
    /** Of the whole server: see {@link openTerms}. */
    private readonly terms: SessionOpenTerms,
    private readonly owner: OpeningOwner,
  ) {}

  /** Whether a decision is being waited for; packets that may depend on it go to `wait`. */
  get isBusy(): boolean {
    return this.waiting !== undefined;
  }

  wait(packet: Packet): void {
    if (this.waiting === undefined) return;
    this.waiting.push(packet);
    this.waitingBytes += packet.byteLength;
    if (this.holding || (this.waiting.length < MAX_WAITING && this.waitingBytes < MAX_WAITING_BYTES)) return;
    this.holding = true;
    this.owner.hold();
  }

  /** SESSION_OPEN has come. */
  request(packet: Packet): void {
    // Frozen: the policy gets it, and so does the application afterwards.
    const open = Object.freeze(preview3.decodeSessionOpen(packet.view, packet.metadataStart));
    const blocks = this.readBody(packet, open);
    if (blocks === undefined) return;
    const errorCode =
      checkOpenRequest(open, this.terms) || (this.owner.isFull() ? SessionErrorCode.SessionLimitReached : 0);
    if (errorCode !== SessionErrorCode.None) this.refuse(open, errorCode);
    else this.askPolicy(open, blocks.auth);
  }

  /** The connection is over. */
  end(): void {
    this.waiting = undefined;
  }

  /** token, auth, extension: all of them, or none as the reference client sends it (wire.md A-2). */
  private readBody(packet: Packet, open: preview3.SessionOpen): { auth: Uint8Array } | undefined {
    const { resumeTokenBytes, authBytes, sessionExtensionBytes } = open;
    const { body } = packet;
    const announced = resumeTokenBytes + authBytes + sessionExtensionBytes;
    if (body.length === 0) return { auth: body };
    if (body.length !== announced) {
      const text = `SESSION_OPEN announces ${announced} body bytes, got ${body.length}`;
      this.owner.malformed(packet, text, ErrorCode.MalformedBody);
      return undefined;
    }
    const authEnd = resumeTokenBytes + authBytes;
    return this.readExtensions(packet, body.subarray(authEnd))
      ? { auth: body.subarray(resumeTokenBytes, authEnd) }
      : undefined;
  }

  private readExtensions(packet: Packet, block: Uint8Array): boolean {
    if (block.length === 0) return true;
    if (preview3.checkControlExtensions(block) !== undefined) {
      this.owner.malformed(packet, 'SESSION_OPEN: the extension block is malformed', ErrorCode.MalformedBody);
      return false;
    }
    const extensions = preview3.decodeControlExtensions(block);
    const unknown = extensions.find(({ type, critical }) => critical && type !== preview3.PEER_MESSAGES_EXTENSION);
    if (unknown !== undefined) {
      const text = `SESSION_OPEN: critical extension 0x${unknown.type.toString(16).padStart(4, '0')} is not known`;
      this.owner.malformed(packet, text, ErrorCode.UnsupportedCapability);
      return false;
    }
    // The reference client sends no block at all.
    if (extensions.length > 0) this.owner.announced(announcedFamilies(extensions) ?? 0);
    return true;
  }

  private askPolicy(open: preview3.SessionOpen, auth: Uint8Array): void {
    const { remoteAddress, peerIdentity, helloAuth } = this.owner;
    const context: SessionOpenContext = {
      remoteAddress,
      auth,
      helloAuth,
      ...(peerIdentity === undefined ? {} : { peerIdentity }),
    };
    let answer: PolicyAnswer;
    let promised: Promise<PolicyDecision> | undefined;
    try {
      // Also what a policy returns may throw when it is looked at.
      answer = this.owner.policyContext.run(() => this.config.applicationPolicy.validateSessionOpen(open, context));
      if (isThenable(answer)) promised = settledOnce(answer);
    } catch (error) {
      this.refuse(open, SessionErrorCode.AuthFailed, error);
      return;
    }
    if (promised === undefined) {
      this.decide(open, answer as PolicyDecision);
      return;
    }
    this.waiting = [];
    const timer = later(this.owner, this.config.handshakeTimeoutMs, () =>
      settle(() => this.refuse(open, SessionErrorCode.AuthFailed, tooSlow())),
    );
    timer.unref();
    let settled = false;
    const settle = (decide: () => void) => {
      if (settled) return;
      settled = true;
      clearTimeout(timer);
      guard(this.owner, () => {
        if (!this.owner.isClosed) decide();
        this.goOn();
      });
    };
    promised.then(
      (decision) => settle(() => this.decide(open, decision)),
      (error: unknown) => settle(() => this.refuse(open, SessionErrorCode.AuthFailed, error)),
    );
  }

  /** Packets that waited are dealt with in order, up to the next one that has to wait itself. */
  private goOn(): void {
    const waiting = this.waiting ?? [];
    this.waiting = undefined;
    this.waitingBytes = 0;
    for (const packet of waiting) {
      if (this.owner.isClosed) return;
      if (this.isBusy) this.wait(packet);
      else this.owner.resumed(packet);
    }
    if (!this.holding || this.isBusy) return;
    this.holding = false;
    this.owner.release();
  }

  /** Looking at the ids and taking one happen here, without a pause in between. */
  private decide(open: preview3.SessionOpen, decision: PolicyDecision | null): void {
    const grant = grantOf(decision);
    if ('thrown' in grant) {
      this.refuse(open, SessionErrorCode.AuthFailed, grant.thrown);
      return;
    }
    if (typeof decision === 'number' && decision >>> 0 === decision) {
      this.refuse(open, decision);
      return;
    }
    const wrong = this.wrongAnswer(open, decision, grant);
    if (wrong !== undefined) {
      this.refuse(open, SessionErrorCode.AuthFailed, wrong);
      return;
    }
    const choice = this.owner.isFull()
      ? { errorCode: SessionErrorCode.SessionLimitReached }
      : chooseSessionId(open, this.owner.ids);
    if ('errorCode' in choice) this.refuse(open, choice.errorCode);
    else this.owner.granted(open, openedAck(open, this.terms, choice.sessionId, grant.priorityClass));
  }

  private wrongAnswer(
    open: preview3.SessionOpen,
    decision: PolicyDecision | null,
    { priorityClass }: SessionGrant,
  ): UsageError | undefined {
    if (decision !== undefined && decision !== null && typeof decision !== 'object') {
      const expected = 'undefined, a grant or an unsigned 32-bit code';
      return new UsageError(`validateSessionOpen: expected ${expected}, got ${String(decision)}`);
    }
    if (priorityClass === undefined || (CLASSES.includes(priorityClass) && priorityClass >= open.priorityClass)) {
      return undefined;
    }
    return new UsageError(
      `validateSessionOpen: priorityClass ${String(priorityClass)} is no downgrade of ${open.priorityClass}`,
    );
  }

  private refuse(open: preview3.SessionOpen, errorCode: number, cause?: unknown): void {
    const { remoteAddress } = this.owner;
    const refusal = { remoteAddress, open, errorCode, ...(cause === undefined ? {} : { cause }) };
    this.owner.refused(refusal, rejectedAck(open, this.terms, errorCode));
  }
}

/** Read once: it may have a getter that throws, or says something else the next time. */
function grantOf(decision: PolicyDecision | null): SessionGrant | { readonly thrown: unknown } {
  if (typeof decision !== 'object' || decision === null) return {};
  try {
    const { priorityClass } = decision;
    return priorityClass === undefined ? {} : { priorityClass };
  } catch (thrown) {
    return { thrown };
  }
}

function tooSlow(): UsageError {
  return new UsageError('validateSessionOpen: no answer within handshakeTimeoutMs');
}
