import { isNnrpError, printable } from 'nnrp-core';
import { formatAddress, type HostPort } from '../address/address.js';

/** Addresses that one message names; a name may have any number of them. */
const MAX_NAMED = 8;
const MAX_REASON_BYTES = 300;

/** What a code of the system means for a client that wants to connect. */
const CODES: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there',
  ETIMEDOUT: 'no answer',
  EHOSTUNREACH: 'no way to the host',
  ENETUNREACH: 'no way to the network',
  EADDRNOTAVAIL: 'the address cannot be used from here',
  ECONNRESET: 'the connection was cut',
  EMFILE: 'this process has too many files and sockets open',
  ENFILE: 'this machine has too many files and sockets open',
};

/** One address that was tried, and what came of it; without an error, nothing has yet. */
export interface ConnectAttempt {
  /** An IP address; absent where the failure is not about one. */
  readonly address?: string | undefined;
  readonly port?: number | undefined;
  readonly error?: Error | undefined;
}

/** Words for an error; undefined where it has none of its own. */
export type DescribeError = (error: Error) => string | undefined;

/**
 * Why no connection came about: every address that was tried with its reason, once each.
 *
 * @param error - what the attempt has failed with, Node's error over several addresses included
 * @param describe - knows errors that are not of the system, such as those of TLS
 */
export function describeConnectFailure(target: HostPort, error: Error, describe?: DescribeError): string {
  const { errors } = error as { readonly errors?: unknown };
  const failures = Array.isArray(errors) && errors.length > 0 ? (errors as Error[]) : [error];
  return describeAttempts(
    target,
    failures.map((failure) => ({ ...placeOf(failure), error: failure })),
    describe,
  );
}

/** The same for attempts that were made one by one. */
export function describeAttempts(
  target: HostPort,
  attempts: readonly ConnectAttempt[],
  describe?: DescribeError,
): string {
  const named = new Set(attempts.map((attempt) => describeAttempt(target, attempt, describe)));
  const shown = [...named].slice(0, MAX_NAMED).join(', ');
  return named.size > MAX_NAMED ? `${shown}, and ${named.size - MAX_NAMED} more` : shown;
}

function describeAttempt(target: HostPort, { address, port, error }: ConnectAttempt, describe?: DescribeError): string {
  const why = error === undefined ? 'no answer' : (describe?.(error) ?? reasonOf(error));
  const reason = printable(why, MAX_REASON_BYTES);
  // The message has named the target already.
  if (address === undefined || address === target.host) return reason;
  return `${formatAddress(address, port ?? target.port)}: ${reason}`;
}

function reasonOf(error: Error): string {
  if (isNnrpError(error)) return error.rawMessage;
  const { code, syscall, hostname } = error as NodeJS.ErrnoException & { readonly hostname?: string };
  if (syscall === 'getaddrinfo') return `the name '${hostname}' cannot be looked up (${code})`;
  if (code !== undefined && CODES[code] !== undefined) return `${CODES[code]} (${code})`;
  return error.message === '' ? (code ?? 'no connection') : error.message;
}

function placeOf(error: Error): Pick<ConnectAttempt, 'address' | 'port'> {
  const { address, port } = error as { readonly address?: unknown; readonly port?: unknown };
  if (typeof address !== 'string') return {};
  return { address, ...(typeof port === 'number' && { port }) };
}
