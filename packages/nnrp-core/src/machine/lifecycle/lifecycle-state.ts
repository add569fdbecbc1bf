/** Where a connection stands: `open`; `closing`, it takes no new sessions and lets the others finish; `closed`. */
export type ConnectionState = 'open' | 'closing' | 'closed';

/**
 * Where a session stands: `open`, new; `resumed`, an earlier session goes on; `closing`, one side has asked for the end;
 * `draining`, the other finishes what is in progress; `suspended`, its connection is lost and it waits to be resumed;
 * `closed`.
 */
export type SessionState = 'open' | 'resumed' | 'closing' | 'draining' | 'suspended' | 'closed';
