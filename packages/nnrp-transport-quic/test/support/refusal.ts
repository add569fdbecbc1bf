import { isNnrpError } from 'nnrp-core';

/** The message of the UsageError that `attempt` throws; anything else that happens is a failure. */
export function refusal(attempt: () => unknown): string {
  try {
    attempt();
  } catch (error) {
    if (isNnrpError(error, 'NNRP_ERR_USAGE')) return error.rawMessage;
    throw error;
  }
  throw new Error('nothing was refused');
}
