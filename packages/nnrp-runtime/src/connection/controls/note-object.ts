import type { ControlEvent } from './control-events.js';
import type { ObjectIssue, ObjectTable } from './object-table.js';

/** Notes what the peer says of an object. @returns what is wrong with it; undefined for what is right, and for any other message */
export function noteObject(objects: ObjectTable, event: ControlEvent, sessionId: number): ObjectIssue | undefined {
  switch (event.type) {
    case 'objectDeclare':
      if (event.metadata.sessionId !== sessionId) return 'of_another_session';
      return objects.declared(event.metadata, 'peer', performance.now());
    case 'objectRef':
      return objects.referred(event.metadata.objectId);
    case 'objectRelease':
      return objects.released(event.metadata.objectId, event.metadata.flags);
    case 'objectPatch':
    case 'objectDelta':
      return objects.changed(event.metadata);
    default:
      return undefined;
  }
}
