import { describe, expect, it } from 'vitest';
import { nearestName } from './nearest-name.js';

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
