import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import {
  CancelledError,
  ClosedError,
  DeadlineError,
  FlowBlockedError,
  isNnrpError,
  PeerError,
  ProtocolError,
  TimeoutError,
  TransportError,
  UsageError,
} from './errors.js';
import { NnrpError } from './faults/nnrp-error.js';
import { WireError } from './faults/wire-error.js';
import { forCaller, isSameFailure } from './for-caller.js';

const EVERY_KIND: readonly NnrpError[] = [
  new NnrpError('NNRP_ERR_OTHER', 'other'),
  new WireError({ kind: 'invalid_magic' }, 'HEADER'),
  new ProtocolError('rule', 3, { kind: 'invalid_magic' }),
  new PeerError('some_code', 'text', 11, 50, { details: { a: [1] }, isRetryable: false }),
  new TransportError('lost', { cause: new Error('ECONNRESET') }),
  new UsageError('wrong'),
  new ClosedError('over'),
  new TimeoutError('late', 5),
  new CancelledError('cancelled', { cause: 'why' }),
  new DeadlineError('late', 500),
  new FlowBlockedError('wait', 'credit', 7),
];

describe('an error for one caller', () => {
  it.each(EVERY_KIND.map((error) => [error.name, error] as const))('is what the shared one is: %s', (_name, shared) => {
    const own = forCaller(shared);
    expect(own).not.toBe(shared);
    expect(own).toBeInstanceOf(shared.constructor);
    expect({ ...own }).toEqual({ ...shared });
    expect([own.message, own.cause, isNnrpError(own), own.code]).toEqual([shared.message, shared, true, shared.code]);
    expect(Object.prototype.toString.call(own)).toBe('[object Error]');
    expect(own.stack).toContain(`${shared.name}: ${shared.message}`);
    expect(own.stack).toContain('for-caller.test');
    expect(isSameFailure(own, shared)).toBe(true);
  });

  it('keeps what is added to it to itself', () => {
    const shared = new TransportError('lost');
    const [one, other] = [forCaller(shared), forCaller(shared)] as (TransportError & { requestId?: number })[];
    Object.assign(one as object, { requestId: 1 });
    expect([one?.requestId, other?.requestId, 'requestId' in shared]).toEqual([1, undefined, false]);
  });

  it('leads to the shared one at once, however often it is handed on', () => {
    const shared = new ClosedError('over');
    const third = forCaller(forCaller(forCaller(shared)));
    expect(third.cause).toBe(shared);
    expect(isSameFailure(third, forCaller(shared))).toBe(true);
    expect(isSameFailure(third, new ClosedError('over'))).toBe(false);
  });

  it('is no other thing than it was when it is no error of these packages', () => {
    const foreign = new Error('x');
    for (const thrown of [foreign, undefined, null, 'text', 5]) expect(forCaller(thrown)).toBe(thrown);
    expect(isSameFailure(undefined, null)).toBe(false);
  });
});

describe('every error', () => {
  it('says whether and when to try again', () => {
    const flags = EVERY_KIND.map(({ name, isRetryable, retryAfterMs }) => [name, isRetryable, retryAfterMs]);
    expect(flags).toEqual([
      ['NnrpError', false, 0],
      ['WireError', false, 0],
      ['ProtocolError', false, 0],
      ['PeerError', false, 50],
      ['TransportError', true, 0],
      ['UsageError', false, 0],
      ['ClosedError', false, 0],
      ['TimeoutError', true, 0],
      ['CancelledError', false, 0],
      ['DeadlineError', false, 0],
      ['FlowBlockedError', true, 7],
    ]);
    expect(new PeerError('x', 'y', 1, 50).isRetryable).toBe(true);
    expect(new PeerError('x', 'y', 1).isRetryable).toBe(false);
  });

  it('has a code on the wire and details, or says that there are none', () => {
    expect(EVERY_KIND.map(({ wireCode }) => wireCode)).toEqual([0, 0, 3, 11, 0, 0, 0, 0, 0, 8, 0]);
    expect(EVERY_KIND.filter(({ details }) => details !== undefined)).toMatchObject([{ details: { a: [1] } }]);
  });
});

describe('what cannot be looked at', () => {
  it('is no error of ours, and the same as itself alone', () => {
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    expect(isNnrpError(proxy)).toBe(false);
    expect(isSameFailure(proxy, proxy)).toBe(true);
    expect(isSameFailure(proxy, new UsageError('x'))).toBe(false);
    expect(Object.is(forCaller(proxy), proxy)).toBe(true);
  });

  it('may be the cause of an error that is shown', () => {
    const cause = Object.defineProperty(new Error('inside'), 'cause', { get: () => JSON.parse('no') });
    expect(inspect(new UsageError('outside', { cause }))).toContain('inside');
  });
});
