import { ignoreRejectionsWithin, shownValue, UsageError } from 'nnrp-core';
import { IS_NODE_20 } from '../../platform/platform.js';
import { type Guarded, guard, NO_OWNER } from '../guard.js';

interface Follower {
  readonly owner: Guarded;
  readonly abort: () => void;
}

/**
 * Signals that operations and others follow, each with its followers. A signal is kept alive as long as it has any: no other code may
 * hold one that was made for a call alone, such as `AbortSignal.any([...])`.
 */
const followed = new Map<AbortSignal, SignalFollowers>();

/** The followers of one signal, by one listener: a signal finds a listener only by looking at all of them. */
class SignalFollowers {
  private readonly followers = new Set<Follower>();
  private readonly letSourcesGo: readonly (() => void)[];
  /** It has aborted, perhaps while it was asked to be followed: it takes no followers any more. */
  isOver = false;

  constructor(private readonly signal: AbortSignal) {
    this.letSourcesGo = sourcesOf(signal).map((source) => followSignal(NO_OWNER, source, () => {}));
    try {
      signal.addEventListener('abort', this.aborted, { once: true });
    } catch (error) {
      this.letGo();
      throw error;
    }
  }

  add(follower: Follower): void {
    this.followers.add(follower);
  }

  remove(follower: Follower): void {
    if (this.followers.delete(follower) && this.followers.size === 0) this.end();
  }

  readonly aborted = (): void => {
    this.isOver = true;
    this.end();
    const told = [...this.followers];
    this.followers.clear();
    // Each by itself: what one of them throws is no reason for the others to go on.
    for (const { owner, abort } of told) guard(owner, abort);
  };

  private end(): void {
    followed.delete(this.signal);
    this.letGo();
    try {
      this.signal.removeEventListener('abort', this.aborted);
    } catch {
      // A signal of another implementation, which may do anything. It has no followers any more: what it tells goes nowhere.
    }
  }

  private letGo(): void {
    for (const letGo of this.letSourcesGo) letGo();
  }
}

/**
 * What a signal of `AbortSignal.any` depends on. Node 20 holds both ends of that only weakly, so a timeout inside of it is
 * collected before it fires unless it is followed by itself. Later versions, and other signals, have no such need.
 */
function sourcesOf(signal: AbortSignal): AbortSignal[] {
  if (!IS_NODE_20) return [];
  const name = Object.getOwnPropertySymbols(signal).find(({ description }) => description === 'kSourceSignals');
  const sources = name === undefined ? undefined : (Reflect.get(signal, name) as Iterable<WeakSource> | undefined);
  if (typeof sources?.[Symbol.iterator] !== 'function') return [];
  return [...sources].map((source) => source.deref?.()).filter(isAbortSignal);
}

interface WeakSource {
  deref?(): unknown;
}

/** Whether it can be followed as an AbortSignal; one of another implementation can, too. */
export function isAbortSignal(value: unknown): value is AbortSignal {
  if (typeof value !== 'object' || value === null) return false;
  const { aborted, addEventListener, removeEventListener } = value as Partial<AbortSignal>;
  return (
    typeof aborted === 'boolean' && typeof addEventListener === 'function' && typeof removeEventListener === 'function'
  );
}

/** @throws UsageError unless it is a signal, or left out */
export function checkSignal(signal: unknown): asserts signal is AbortSignal | undefined {
  if (signal !== undefined && !isAbortSignal(signal)) {
    throw new UsageError(`signal takes an AbortSignal, got ${shownValue(signal)}`);
  }
}

/**
 * Why it aborted; what the signal throws when it is asked. Signals of React Native have no reason, and get the usual one.
 * A promise is marked as handled, since a reason is never awaited.
 */
export function reasonOf(signal: AbortSignal): unknown {
  try {
    const { reason } = signal;
    ignoreRejectionsWithin(reason, 0);
    if (reason !== undefined) return reason;
  } catch (thrown) {
    return thrown;
  }
  return Object.defineProperty(new Error('This operation was aborted'), 'name', { value: 'AbortError' });
}

/**
 * Calls `abort` when the signal aborts, inside this call if it has already. It costs the same however many follow the signal.
 *
 * @param owner - pays for what `abort` throws
 * @returns stops following
 * @throws what the signal throws, one of another implementation
 */
export function followSignal(owner: Guarded, signal: AbortSignal, abort: () => void): () => void {
  let followers = followed.get(signal);
  if (followers === undefined) {
    followers = new SignalFollowers(signal);
    if (!followers.isOver) followed.set(signal, followers);
  }
  const follower: Follower = { owner, abort };
  const joined = followers;
  joined.add(follower);
  // One of another implementation may tell of its abort while it is asked for it, or never again.
  try {
    if (joined.isOver || signal.aborted) joined.aborted();
  } catch (error) {
    joined.remove(follower);
    throw error;
  }
  return () => joined.remove(follower);
}

/** The same for a signal that may be left out, and with why it aborted. */
export function whenAborted(
  owner: Guarded,
  signal: AbortSignal | undefined,
  abort: (reason: unknown) => void,
): () => void {
  return signal === undefined ? () => {} : followSignal(owner, signal, () => abort(reasonOf(signal)));
}
