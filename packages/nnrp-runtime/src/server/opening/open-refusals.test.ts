import type { ProtocolError } from 'nnrp-core';
import * as preview3 from 'nnrp-core/preview3';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { OPENED } from '../../../test/support/scripted-server.js';
import { OpenRefusals, type RefusingConnection, type RefusingServer } from './open-refusals.js';

afterEach(() => vi.restoreAllMocks());

const REFUSAL = { remoteAddress: '127.0.0.1:1', open: {} as preview3.SessionOpen, errorCode: 1 };
const ACK = { ...OPENED, sessionStatus: preview3.SessionStatus.Rejected };

function refusing(maxSessionsPerConnection = 50) {
  const failures: ProtocolError[] = [];
  let sent = 0;
  const connection = {
    dialect: { isPreview4: false },
    isTurnedAway: false,
    knowsPeerMessages: true,
    understands: () => false,
    fail: (error: ProtocolError) => failures.push(error),
    answered: () => {},
    send: () => {
      sent++;
      return true;
    },
  } as unknown as RefusingConnection;
  const server = {
    config: { maxSessionsPerConnection },
    bounds: { tally: { refusedSessions: 0 } },
    sessionRefused: () => {},
  } as unknown as RefusingServer;
  const refusals = new OpenRefusals(connection, server);
  const refuse = (count: number) => {
    for (let each = 0; each < count; each++) refusals.refused(REFUSAL, ACK, undefined);
  };
  return { refuse, failures, sent: () => sent };
}

describe('sessions that are refused to one connection', () => {
  it('cost it when they are more than a thousand in ten seconds', () => {
    vi.spyOn(performance, 'now').mockReturnValue(50_000);
    const { refuse, failures, sent } = refusing();
    refuse(1000);
    expect([failures, sent()]).toEqual([[], 1000]);
    refuse(1);
    expect(failures.map(({ rawMessage }) => rawMessage)).toEqual([
      '1000 sessions were refused on this connection within 10000 ms',
    ]);
  });

  it('may be twenty in ten seconds for each that it may have', () => {
    vi.spyOn(performance, 'now').mockReturnValue(50_000);
    const { refuse, failures, sent } = refusing(1024);
    refuse(20 * 1024);
    expect([failures, sent()]).toEqual([[], 20 * 1024]);
    refuse(1);
    expect(failures.map(({ rawMessage }) => rawMessage)).toEqual([
      '20480 sessions were refused on this connection within 10000 ms',
    ]);
  });

  it('do not when its client asks again and again over a long time', () => {
    const now = vi.spyOn(performance, 'now');
    const { refuse, failures, sent } = refusing();
    for (let second = 0; second < 60; second++) {
      now.mockReturnValue(second * 1000);
      refuse(80);
    }
    expect([failures, sent()]).toEqual([[], 4800]);
  });
});
