import type * as preview4 from 'nnrp-core/preview4';
import { FINAL_RELEASE } from '../codes/preview4-codes.js';

/** Objects of one session. More are not noted. */
const MAX_OBJECTS = 1024;

/** Which side has declared an object. */
export type ObjectOwner = 'self' | 'peer';

/** What is wrong with a message about an object; the session goes on. */
export type ObjectIssue = 'unknown_object' | 'declared_before' | 'table_full' | 'of_another_session' | 'delta_gap';

/** An object as it was declared, and what has come of it. */
export interface ObjectEntry {
  readonly descriptor: preview4.ObjectDescriptor;
  readonly declaredBy: ObjectOwner;
  /** As `performance.now` has it; Infinity where it has no lifetime. */
  readonly expiresAtMs: number;
  /** References without their release. */
  references: number;
  /** delta_sequence of the newest change; 0 before the first. */
  sequence: bigint;
}

/** The objects of a session: which side has declared each, its size, its lifetime, and its last version. */
export class ObjectTable implements Iterable<ObjectEntry> {
  /** By texts: peers choose the ids, and the language hashes bigints and digits without a seed, so that all could fall together. */
  private readonly entries = new Map<string, ObjectEntry>();
  /** None of them ends before, as `performance.now` has it. */
  private firstEndMs = Number.POSITIVE_INFINITY;

  get size(): number {
    return this.entries.size;
  }

  get(objectId: bigint): ObjectEntry | undefined {
    const entry = this.entries.get(keyOf(objectId));
    if (entry === undefined || entry.expiresAtMs > performance.now()) return entry;
    this.entries.delete(keyOf(objectId));
    return undefined;
  }

  [Symbol.iterator](): Iterator<ObjectEntry> {
    return this.entries.values();
  }

  declared(descriptor: preview4.ObjectDescriptor, declaredBy: ObjectOwner, nowMs: number): ObjectIssue | undefined {
    const { objectId, lifetimeHintMs } = descriptor;
    if (this.get(objectId) !== undefined) return 'declared_before';
    if (this.entries.size >= MAX_OBJECTS && this.firstEndMs <= nowMs) this.expire(nowMs);
    if (this.entries.size >= MAX_OBJECTS) return 'table_full';
    const expiresAtMs = nowMs + (lifetimeHintMs || Number.POSITIVE_INFINITY);
    this.firstEndMs = Math.min(this.firstEndMs, expiresAtMs);
    this.entries.set(keyOf(objectId), { descriptor, declaredBy, expiresAtMs, references: 0, sequence: 0n });
    return undefined;
  }

  referred(objectId: bigint): ObjectIssue | undefined {
    const entry = this.get(objectId);
    if (entry === undefined) return 'unknown_object';
    entry.references++;
    return undefined;
  }

  /** A release that is not the last takes one reference back. */
  released(objectId: bigint, flags: number): ObjectIssue | undefined {
    const entry = this.get(objectId);
    if (entry === undefined) return 'unknown_object';
    const isFinal = (flags & FINAL_RELEASE) !== 0;
    if (isFinal || --entry.references <= 0) this.entries.delete(keyOf(objectId));
    return undefined;
  }

  /** Sequences rise by one for each object; the first may be any. */
  changed({ objectId, deltaSequence }: preview4.ObjectDelta): ObjectIssue | undefined {
    const entry = this.get(objectId);
    if (entry === undefined) return 'unknown_object';
    const isNext = entry.sequence === 0n || deltaSequence === entry.sequence + 1n;
    entry.sequence = deltaSequence;
    return isNext ? undefined : 'delta_gap';
  }

  clear(): void {
    this.entries.clear();
  }

  /** Looks at all, once for each moment at which one of them ends. */
  private expire(nowMs: number): void {
    this.firstEndMs = Number.POSITIVE_INFINITY;
    for (const [key, { expiresAtMs }] of this.entries)
      if (expiresAtMs <= nowMs) this.entries.delete(key);
      else this.firstEndMs = Math.min(this.firstEndMs, expiresAtMs);
  }
}

function keyOf(objectId: bigint): string {
  return `#${objectId}`;
}
