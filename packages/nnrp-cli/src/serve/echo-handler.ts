import type { SubmitHandler } from './submit-handler.js';

/** Answers each submit with one complete result that has the same body and says the same of it. */
export const ECHO_HANDLER: SubmitHandler = Object.freeze({
  concurrency: 1,
  async answer(session, submit) {
    const { frameId, body } = submit;
    if (!session.isInFlight(frameId)) return;
    const { payloadKindBitmap, payloadFrameCount } = submit.metadata;
    const activeProfileId = session.clientOpen.profileId;
    await session.sendResult(frameId, { activeProfileId, payloadKindBitmap, payloadFrameCount }, body);
  },
} satisfies SubmitHandler);
