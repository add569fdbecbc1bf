import { UsageError } from 'nnrp-core';
import type * as preview3 from 'nnrp-core/preview3';
import { preview4Words } from '../../connection/controls/loaded-preview4.js';
import type { RevisionName } from '../../connection/revision/revision-name.js';
import type { ClientControls } from '../controls/client-controls.js';
import type { ResumeGrant } from '../recovery/resumable-session.js';
import type { ClientSessionConnection } from '../submits/client-session-connection.js';
import type { ServedSession } from './served-session.js';

/** What the server has said of a session when it opened it. */
export abstract class AcknowledgedSession {
  protected abstract readonly connection: ClientSessionConnection;
  protected abstract served: ServedSession;

  /** What the server granted; another one when the session is opened again. */
  get ack(): preview3.SessionOpenAck {
    return this.served.ack;
  }

  /** Blocks that the server sent with its acknowledgement, such as vendor extensions. */
  get extensions(): readonly preview3.ControlExtension[] {
    return this.served.extensions;
  }

  /** Another one when the session is opened again. */
  get sessionId(): number {
    return this.served.ack.sessionId;
  }

  /** The revision of the wire that its server speaks. */
  get revision(): RevisionName {
    return this.connection.dialect.name;
  }

  /** What only preview4 can say of a session; each call throws UsageError in preview3. Other ones when the session is opened again. */
  get controls(): ClientControls {
    return this.served.controls;
  }

  /**
   * What a client, of another library perhaps, goes on with the session by on a server that is none of this library, once this one is
   * gone: in the form of NNRP/1-preview4 11.4. `client.resumeSession(bytes)` takes it. It is a secret, and good once. No operation
   * goes on with it: what has no answer by then never gets one.
   * @throws UsageError when the session cannot be resumed so; on a server of this library take `ticket()`
   */
  recoveryTicket(): Uint8Array {
    const { grant, sessionId } = this;
    if (grant === undefined)
      throw new UsageError(
        `session ${sessionId} gives no recovery ticket: its server is one of this library, or resumes none`,
      );
    const { token, windowMs: resumeWindowMs } = grant;
    const resumeFromOperationId = this.served.submits.lastOperationId;
    const cursor = resumeFromOperationId === 0n ? {} : { resumeFromOperationId };
    return preview4Words().encodeRecoveryTicket({ sessionId, token, resumeWindowMs, ...cursor });
  }

  /** @internal For the connection: by what it is resumed on a server that is none of this library. */
  get grant(): ResumeGrant | undefined {
    return this.served.opened.grant;
  }

  /**
   * Operations without their last answer; a cancelled one counts until the server has answered, or for `requestTimeoutMs`.
   */
  get inFlightCount(): number {
    return this.served.submits.inFlightCount;
  }
}
