import { MessageType } from 'nnrp-core/preview3';
import { vi } from 'vitest';
import { SentLog } from '../../../src/connection/recovery/sent-log.js';
import { ServerConnection } from '../../../src/server/connection/server-connection.js';
import { SessionOperations } from '../../../src/server/operation/session-operations.js';
import { KeptPackets } from '../../../src/server/recovery/kept-packets.js';
import { ResumableSessions } from '../../../src/server/recovery/resumable-sessions.js';
import { ResumeTokens } from '../../../src/server/recovery/resume-tokens.js';
import { SessionPort } from '../../../src/server/recovery/session-port.js';

/** Puts another method in the place of one, until `vi.restoreAllMocks`. @param make - is given the right one */
// biome-ignore lint/suspicious/noExplicitAny: methods of any kind
function replace<T extends object, K extends keyof T>(prototype: T, name: K, make: (right: any) => any): void {
  const right = prototype[name];
  // biome-ignore lint/suspicious/noExplicitAny: the types of spyOn do not follow a key that is a parameter
  vi.spyOn(prototype as any, name as string).mockImplementation(make(right));
}

const hexOf = (token: Uint8Array) => Buffer.from(token).toString('hex');

/** Mistakes that the model must notice, one for each trap of recovery. */
export const LOG_FAULTS: readonly (readonly [what: string, plant: () => void])[] = [
  [
    'does not move on by what it sends again',
    () =>
      replace(SessionPort.prototype, 'resumeOn', (right) => {
        return function (this: SessionPort, ...given: unknown[]) {
          const { packets } = this.count;
          right.apply(this, given);
          this.count.packets = packets;
        };
      }),
  ],
  [
    'forgets what it has sent again when nothing has arrived by the next cut',
    () => {
      const confirmed = new WeakSet<SentLog>();
      replace(SentLog.prototype, 'confirmed', (right) => {
        return function (this: SentLog) {
          confirmed.add(this);
          right.call(this);
        };
      });
      replace(SentLog.prototype, 'unconfirmed', (right) => {
        return function (this: SentLog, ...given: unknown[]) {
          return confirmed.has(this) ? right.apply(this, given) : [];
        };
      });
    },
  ],
  [
    'takes old tokens for ever',
    () => {
      const issued = new WeakMap<ResumeTokens, string[]>();
      replace(ResumeTokens.prototype, 'issue', (right) => {
        return function (this: ResumeTokens, ...given: unknown[]) {
          const token = right.apply(this, given) as Uint8Array;
          issued.set(this, [...(issued.get(this) ?? []), hexOf(token)]);
          return token;
        };
      });
      replace(ResumeTokens.prototype, 'accepts', (right) => {
        return function (this: ResumeTokens, token: Uint8Array) {
          return right.call(this, token) || issued.get(this)?.includes(hexOf(token)) === true;
        };
      });
    },
  ],
  [
    'refuses the old token as soon as there is a new one',
    () =>
      replace(ResumeTokens.prototype, 'issue', (right) => {
        return function (this: ResumeTokens) {
          return right.call(this);
        };
      }),
  ],
  [
    'lets two connections have one session',
    () => {
      replace(ServerConnection.prototype, 'takenOver', () => () => {});
      vi.spyOn(SessionPort.prototype, 'isAway', 'get').mockReturnValue(true);
    },
  ],
  ['trims its log at sending', () => replace(SentLog.prototype, 'unconfirmed', () => () => [])],
  [
    'says that it has received less than it has',
    () =>
      replace(SessionPort.prototype, 'resumeOn', (right) => {
        return function (this: SessionPort, ...given: unknown[]) {
          right.apply(this, given);
          if (this.session !== undefined && this.session.receivedPackets > 0) this.session.receivedPackets--;
        };
      }),
  ],
  [
    'passes over a cancel that comes behind a resume',
    () => {
      let isResumed = false;
      replace(SessionPort.prototype, 'resumeOn', (right) => {
        return function (this: SessionPort, ...given: unknown[]) {
          isResumed = true;
          right.apply(this, given);
        };
      });
      replace(SessionOperations.prototype, 'cancelled', (right) => {
        return function (this: SessionOperations, frameId: number) {
          return isResumed || right.call(this, frameId);
        };
      });
    },
  ],
  [
    'does not keep the rest of a session that is over',
    () =>
      replace(ResumableSessions.prototype, 'keepRest', () => {
        return function (this: ResumableSessions, port: SessionPort) {
          this.forget(port);
        };
      }),
  ],
  [
    'goes on from any position',
    () => {
      replace(SessionPort.prototype, 'canGoOnFrom', () => () => true);
      replace(SessionPort.prototype, 'resumeOn', (right) => {
        return function (this: SessionPort, connection: object, received: number) {
          right.call(this, connection, Math.min(received, this.count.packets));
        };
      });
    },
  ],
  [
    'drops partial results above the bound without a word',
    () =>
      replace(KeptPackets.prototype, 'add', (right) => {
        return function (this: KeptPackets, packet: { readonly messageType: number }) {
          if (packet.messageType !== MessageType.ResultPush || this.byteLength < 300) right.call(this, packet);
        };
      }),
  ],
  [
    'sends in the wrong order what was sent before',
    () =>
      replace(KeptPackets.prototype, 'addBefore', (right) => {
        return function (this: KeptPackets, packets: readonly object[]) {
          right.call(this, [...packets].reverse());
        };
      }),
  ],
];
