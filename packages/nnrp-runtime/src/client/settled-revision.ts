import { isNnrpError } from 'nnrp-core';
import { whenAborted } from '../base/application/abort-signals.js';
import { NO_OWNER } from '../base/guard.js';
import { ignoreRejection } from '../base/promises/settled.js';

/** Addresses of servers that have ended a connection over a CLIENT_HELLO; more are forgotten, the oldest first. */
const MAX_OLD = 256;
/** A server may be replaced by a newer one: after so many milliseconds it is tried again. */
const OLD_FOR_MS = 600_000;
/** Connections that may end over their hello in a row: one for each of several addresses. */
const MAX_TRIES = 4;

/** When each was found out, in milliseconds of `performance.now()`. */
const old = new Map<string, number>();

/** A client whose server is not known yet. */
export interface TriedClient {
  readonly remoteAddress: string;
  /** Settles with the answer to its hello. */
  readonly greeted: Promise<unknown>;
  /** Whether not one byte has come. */
  readonly isUnheard: boolean;
  close(): Promise<unknown>;
}

/** Whether the server there has ended a connection over a hello of preview4. */
export function isOld(address: string): boolean {
  const sinceMs = old.get(address);
  if (sinceMs !== undefined && performance.now() - sinceMs < OLD_FOR_MS) return true;
  old.delete(address);
  return false;
}

/** Remembers what comes of its hello. @returns the client */
export function observed<Client extends TriedClient>(client: Client): Client {
  const failed = (error: unknown) => {
    // Of the connection that is over: the one before it may have led nowhere.
    const { remoteAddress } = client;
    // With a byte it would not be known what the server has done.
    if (!client.isUnheard || !isNnrpError(error, 'NNRP_ERR_TRANSPORT')) return;
    old.delete(remoteAddress);
    old.set(remoteAddress, performance.now());
    const [oldest] = old.keys();
    if (old.size > MAX_OLD && oldest !== undefined) old.delete(oldest);
  };
  ignoreRejection(client.greeted.catch(failed));
  return client;
}

/**
 * Connects, and once more when the server ends the connection over the hello before it has said anything.
 *
 * @param connect - by what is known of the servers
 * @returns rejects as `connect` does, and with what the hello fails with
 */
export async function settled<Client extends TriedClient>(
  connect: () => Promise<Client>,
  signal: AbortSignal | undefined,
): Promise<Client> {
  for (let tries = 1; ; tries++) {
    const client = await connect();
    let letGo = () => {};
    const aborted = new Promise<never>((_resolve, reject) => {
      letGo = whenAborted(NO_OWNER, signal, reject);
    });
    try {
      await Promise.race([client.greeted, aborted]);
      return client;
    } catch (error) {
      ignoreRejection(client.close());
      if (tries >= MAX_TRIES || signal?.aborted || !client.isUnheard || !isOld(client.remoteAddress)) throw error;
    } finally {
      letGo();
    }
  }
}
