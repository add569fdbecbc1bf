/** What is used of a platform's WebSocket. */
export interface PlatformWebSocket {
  binaryType: string;
  /** Bytes that wait to be sent. React Native leaves it out: nothing is known of them then, and none are waited for. */
  readonly bufferedAmount?: number | undefined;
  readonly readyState: number;
  readonly protocol: string;
  send(data: Uint8Array): void;
  close(code?: number, reason?: string): void;
  onopen: ((event: unknown) => void) | null;
  onmessage: ((event: { readonly data: unknown }) => void) | null;
  onerror: ((event: unknown) => void) | null;
  onclose: ((event: { readonly code: number; readonly reason: string }) => void) | null;
}

/** The class itself, as `globalThis.WebSocket` is one. */
export type PlatformWebSocketClass = new (url: string, protocols: string[]) => PlatformWebSocket;

/** A WebSocket that is open. @see the WebSocket interface of the web platform, readyState */
export const OPEN = 1;

/** A timer of the platform; Node and browsers give different things. */
export type Timer = unknown;

interface Platform {
  setTimeout(work: () => void, delayMs: number): Timer;
  clearTimeout(timer: Timer): void;
  readonly performance: { now(): number };
  readonly WebSocket?: PlatformWebSocketClass;
}

export const platform = globalThis as unknown as Platform;
