export const PROBE_OPTIONS: ReadonlySet<string> = new Set<keyof ProbeOptions>(['payloadBytes', 'timeoutMs']);
export const DEFAULT_PROBE_BYTES = 32_768;

/** How the connection is measured. */
export interface ProbeOptions {
  /** Bytes of padding to send; default 32768. */
  readonly payloadBytes?: number | undefined;
  /** Milliseconds to wait for the answer; default `requestTimeoutMs` of the client. */
  readonly timeoutMs?: number | undefined;
}
