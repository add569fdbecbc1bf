import { checkSignal } from '../../base/application/abort-signals.js';
import { readOptions } from '../../base/options.js';
import type { BodyInput } from '../../connection/body/body-bytes.js';
import type { ExtensionInit } from '../hello/client-announcement.js';

/** How a session is resumed by a ticket; what is left out, or undefined, has its default. */
export interface ResumeSessionOptions {
  /** Authentication, such as a token: a ticket holds none, and the policy of the server is asked again; default empty. */
  readonly auth?: BodyInput | undefined;
  /** Further entries of the session extension block, types 0x8000 to 0xffff; default none. */
  readonly extensions?: readonly ExtensionInit[] | undefined;
  /**
   * Gives up when it aborts before the session goes on: `resumeSession` rejects with its reason at once. When the server resumes it
   * all the same, it is closed, with its work. Then it means nothing; default none.
   */
  readonly signal?: AbortSignal | undefined;
}

const OPTIONS: ReadonlySet<string> = new Set<keyof ResumeSessionOptions>(['auth', 'extensions', 'signal']);

/** @throws UsageError on an option that does not exist or fit */
export function resumeSessionOptions(options: ResumeSessionOptions): ResumeSessionOptions {
  const given = readOptions('resume session options', options, OPTIONS);
  checkSignal(given.signal);
  return given;
}
