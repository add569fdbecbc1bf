import * as preview3 from 'nnrp-core/preview3';
import type { NnrpClose, NnrpServerSession } from 'nnrp-runtime';

/** How long a close waits for answers when the client names no time; within the patience of common clients. */
const DRAIN_MS = 2000;

/**
 * A close handler for `NnrpServer.serve`: answers in progress go out before a close with the policy drain is confirmed,
 * also when the client names no time for it, which by itself means that none is given.
 */
export async function drainOnClose({ metadata }: NnrpClose, session: NnrpServerSession): Promise<void> {
  if (metadata.inFlightPolicy !== preview3.InFlightPolicy.Drain || metadata.drainTimeoutMs > 0) return;
  const answered = Promise.all([...session.operations].map((operation) => operation.finished));
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, DRAIN_MS);
  });
  await Promise.race([answered, timeout]);
  clearTimeout(timer);
}
