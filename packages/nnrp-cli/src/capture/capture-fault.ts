/** What is wrong with a capture, and where. */
export interface CaptureFault {
  readonly kind: 'bad_frame' | 'bad_message' | 'bad_http';
  /** Byte of the capture, from 0. */
  readonly at: number;
  readonly expected: string;
  readonly actual: string;
}

/** For people. */
export function faultText({ kind, at, expected, actual }: CaptureFault): string {
  const what = { bad_frame: 'frame', bad_message: 'message', bad_http: 'HTTP header' }[kind];
  return `${what} at byte ${at}: expected ${expected}, got ${actual}`;
}
