import { IdMap } from '../src/machine/collections/id-map.js';
import { RecordIndex } from '../src/machine/collections/record-index.js';
import { FrameIds } from '../src/machine/operation/frame-ids.js';
import { type OperationRecord, OperationRegistry } from '../src/machine/operation/operation-registry.js';

/** What a registry keeps beside the records. */
interface Kept {
  readonly children: IdMap<Set<OperationRecord>>;
  readonly groups: IdMap<Set<OperationRecord>>;
  readonly ids: FrameIds;
}

const watched = new WeakMap<OperationRegistry, Kept>();

/** A registry whose {@link keptBy} can be looked at. */
export function watchedRegistry(sessionId: number): OperationRegistry {
  const kept: Kept = { children: new IdMap(), groups: new IdMap(), ids: new FrameIds() };
  const { ids } = kept;
  const children = new RecordIndex<OperationRecord>(() => kept.children);
  const groups = new RecordIndex<OperationRecord>(() => kept.groups);
  const registry = new OperationRegistry(sessionId, { children, groups, ids });
  watched.set(registry, kept);
  return registry;
}

export function keptBy(registry: OperationRegistry): Kept {
  const kept = watched.get(registry);
  if (kept === undefined) throw new Error('it is not a watched registry');
  return kept;
}
