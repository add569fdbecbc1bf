import * as preview3 from 'nnrp-core/preview3';
import type { NnrpClose, NnrpServerSession } from 'nnrp-runtime';

/** How long a close waits for answers when the client names no time; within the patience of common clients. */
const DRAIN_MS = 2000;

/**
 * A close handler for `NnrpServer.serve`: answers in progress go out before a close with the policy drain is confirmed,
 * also when a client of the reference names no time for it. An announced client names the time that it means: 0 is at once.
 */
export async function drainOnClose({ metadata }: NnrpClose, session: NnrpServerSession): Promise<void> {
  const namesItsTime = metadata.drainTimeoutMs > 0 || session.knowsPeerMessages;
  if (metadata.inFlightPolicy !== preview3.InFlightPolicy.Drain || namesItsTime) return;
  const answered = Promise.all([...session.operations].map((operation) => operation.finished));
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, DRAIN_MS);
  });
  await Promise.race([answered, timeout]);
  clearTimeout(timer);
}
