import type { CliIo } from '../cli-io.js';
import { errorText, writeLine } from '../terminal-text.js';
import { FileWatch } from './file-watch.js';

/** Files that are read again while the program runs, when they change and at SIGHUP. */
export interface FollowedFiles {
  /** What is in them, such as `the certificates`. */
  readonly what: string;
  readonly files: readonly string[];
  /** Reads them again. What it throws, or rejects with, leaves all as it was. */
  renew(): void | Promise<void>;
}

const LOOK_MS = 1000;

/**
 * Follows files, and says on standard error what has become of them. A program that follows none, and does nothing else, has nothing to
 * do at SIGHUP, and ends by it as other programs do, see `onSignals`.
 *
 * @param hungUp - what else there is to do at SIGHUP
 * @returns stops it
 */
export function followFiles(followed: readonly FollowedFiles[], io: CliIo, hungUp?: () => void): () => void {
  const renewals = followed
    .filter(({ files }) => files.length > 0)
    .map((files) => ({ ...files, ...renewal(files, io) }));
  if (renewals.length === 0 && hungUp === undefined) return () => {};
  const watches = renewals.map(({ files, renewed }) => {
    const watch = new FileWatch(LOOK_MS, renewed);
    watch.add(files);
    return watch;
  });
  const hangUp = () => {
    for (const { renewed } of renewals) renewed();
    hungUp?.();
  };
  process.on('SIGHUP', hangUp);
  return () => {
    process.off('SIGHUP', hangUp);
    for (const watch of watches) watch.close();
  };
}

function renewal({ what, files, renew }: FollowedFiles, io: CliIo): { readonly renewed: () => void } {
  const renewed = async () => {
    try {
      await renew();
      writeLine(io.stderr, `renewed ${what} of ${files.join(', ')}`);
    } catch (error) {
      writeLine(
        io.stderr,
        `${what} ${what.endsWith('s') ? 'stay as they were' : 'stays as it was'}: ${errorText(error)}`,
      );
    }
  };
  return { renewed: () => void renewed() };
}
