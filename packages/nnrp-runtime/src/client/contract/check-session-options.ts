import { ownBytes } from '../../connection/body/body-bytes.js';
import { sessionExtensions } from '../hello/client-announcement.js';
import { type SessionOptions, sessionOptions } from './client-config.js';

const SAYS_NOTHING = { announce: false, maxPacketBytes: 0 };

/**
 * For options that are kept for sessions to come: what `openSession` would say against them is said now.
 * @throws UsageError on an option that does not exist or fit
 */
export function checkSessionOptions(options: SessionOptions): void {
  const { auth = '', extensions } = sessionOptions(options);
  ownBytes(auth, 'auth');
  sessionExtensions(SAYS_NOTHING, extensions);
}
