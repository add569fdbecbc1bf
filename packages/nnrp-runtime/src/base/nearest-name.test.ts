import { describe, expect, it } from 'vitest';
import { nameElsewhere, nearestName } from './nearest-name.js';

const NAMES = ['profileId', 'priorityClass', 'requestTimeoutMs', 'timeoutMs', 'auth', 'maxSessions'];

describe('the name that was meant', () => {
  it.each([
    ['profile_id', 'profileId'],
    ['ProfileID', 'profileId'],
    ['profilId', 'profileId'],
    ['profielId', 'profileId'],
    ['maxSesion', 'maxSessions'],
    ['timeout', 'timeoutMs'],
    ['priority', 'priorityClass'],
    ['auht', 'auth'],
  ])('is found for %s: %s', (given, meant) => {
    expect(nearestName(given, NAMES)).toBe(meant);
  });

  it.each(['', 'x', 'id', 'status', 'token', 'max', '__proto__', 'constructor', 'p'.repeat(100_000)])(
    'is none where no name is near: %s',
    (given) => {
      expect(nearestName(given, NAMES)).toBeUndefined();
    },
  );

  it('is none where several names begin with what was given', () => {
    expect(nearestName('maxQueued', ['maxQueuedSubmits', 'maxQueuedBytes'])).toBeUndefined();
  });
});

describe('the name that other libraries have for an option', () => {
  it.each([
    ['timeout', 'deadlineMs'],
    ['timeout_ms', 'deadlineMs'],
    ['timeoutMilliseconds', 'deadlineMs'],
    ['abortSignal', 'signal'],
    ['cancellation', 'signal'],
    ['headers', 'metadata'],
    ['accessToken', 'auth'],
  ])('is found for %s: %s', (given, meant) => {
    expect(nameElsewhere(given, ['auth', 'signal', 'deadlineMs', 'drainTimeoutMs', 'metadata'])).toBe(meant);
  });

  it.each(['timeout', 'headers', '__proto__', ''])('is none where there is no such option: %s', (given) => {
    expect(nameElsewhere(given, ['auth', 'signal'])).toBeUndefined();
  });
});
