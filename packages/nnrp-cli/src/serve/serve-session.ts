import { preview3 } from 'nnrp-core';
import type { NnrpClose, NnrpServerSession, NnrpSubmit } from 'nnrp-runtime';
import type { SubmitHandler } from './submit-handler.js';

/** How long a close waits for answers when the client names no time; within the patience of common clients. */
const DRAIN_MS = 2000;
const MAX_TIMER_MS = 0x7fffffff;

/**
 * Serves one session to its end. When the client closes it with the policy drain, answers in progress go out before the
 * close is confirmed, for as long as the client allows.
 *
 * @param report - is told what a handler threw
 * @returns never rejects
 */
export async function serveSession(
  session: NnrpServerSession,
  handler: SubmitHandler,
  report: (error: unknown, frameId: number) => void,
): Promise<void> {
  try {
    const worked = answerSubmits(session, handler, report);
    const close = await session.receiveClose().catch(() => undefined);
    if (close !== undefined) await within(worked, patienceMs(close));
    await session.close();
  } catch (error) {
    report(error, 0);
  }
}

async function answerSubmits(
  session: NnrpServerSession,
  handler: SubmitHandler,
  report: (error: unknown, frameId: number) => void,
): Promise<void> {
  const running = new Set<Promise<void>>();
  for await (const submit of session.allSubmits()) {
    const answered = answerOne(session, submit, handler, report).finally(() => running.delete(answered));
    running.add(answered);
    if (running.size >= handler.concurrency) await Promise.race(running);
  }
  await Promise.all(running);
}

async function answerOne(
  session: NnrpServerSession,
  submit: NnrpSubmit,
  handler: SubmitHandler,
  report: (error: unknown, frameId: number) => void,
): Promise<void> {
  const { frameId } = submit;
  try {
    await handler.answer(session, submit);
  } catch (error) {
    // An answer to somebody who has gone is nobody's mistake.
    if (session.state === 'closed') return;
    report(error, frameId);
    if (session.isInFlight(frameId)) await session.sendResultDrop(frameId).catch(() => {});
  }
}

function patienceMs({ metadata }: NnrpClose): number {
  if (metadata.inFlightPolicy === preview3.InFlightPolicy.Abort) return 0;
  return Math.min(metadata.drainTimeoutMs || DRAIN_MS, MAX_TIMER_MS);
}

async function within(work: Promise<void>, ms: number): Promise<void> {
  if (ms === 0) return;
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([work, timeout]);
  clearTimeout(timer);
}
