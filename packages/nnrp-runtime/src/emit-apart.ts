import type { EventEmitter } from 'node:events';

/**
 * Emits an event to the application. What a listener throws surfaces as an uncaught exception, as it would from any
 * callback, but never unwinds the protocol code that reported the event.
 */
export function emitApart<Events extends Record<keyof Events, unknown[]>, Name extends keyof Events>(
  emitter: EventEmitter<Events>,
  name: Name,
  event: Events[Name][0],
): void {
  try {
    (emitter as EventEmitter).emit(name as string, event);
  } catch (error) {
    process.nextTick(() => {
      throw error;
    });
  }
}
