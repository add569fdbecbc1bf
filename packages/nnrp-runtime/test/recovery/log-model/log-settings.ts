/** How a model is set up. */
export interface LogSettings {
  /** Whether the policy decides later. */
  readonly isPolicySlow: boolean;
  /** Bytes kept for a client that is away before partial results wait. */
  readonly maxSuspendedBytes: number;
}
