import { type Packet, PREVIEW3, type Revision, type StructCodec } from 'nnrp-core';
import {
  ENUM_NAMES as PREVIEW3_ENUM_NAMES,
  FLAG_NAMES as PREVIEW3_FLAG_NAMES,
  STRUCTS as PREVIEW3_STRUCTS,
} from 'nnrp-core/preview3/struct-table';
import { type NamesByValue, PREVIEW4 } from 'nnrp-core/preview4';
import {
  ENUM_NAMES as PREVIEW4_ENUM_NAMES,
  FLAG_NAMES as PREVIEW4_FLAG_NAMES,
  STRUCTS as PREVIEW4_STRUCTS,
} from 'nnrp-core/preview4/struct-table';
import type { RevisionName } from 'nnrp-runtime';

type Tables<T> = Readonly<Record<string, T>>;

/** A revision of the wire, and the tables by which tools find its structures. */
export interface CodecRevision {
  readonly name: RevisionName;
  readonly wire: Revision;
  readonly structs: Tables<StructCodec>;
  /** Names of values: id of the enum or flag set, then value. */
  readonly enumNames: Tables<NamesByValue>;
  readonly flagNames: Tables<NamesByValue>;
}

export const REVISIONS: Readonly<Record<RevisionName, CodecRevision>> = {
  preview3: {
    name: 'preview3',
    wire: PREVIEW3,
    structs: PREVIEW3_STRUCTS,
    enumNames: PREVIEW3_ENUM_NAMES,
    flagNames: PREVIEW3_FLAG_NAMES,
  },
  preview4: {
    name: 'preview4',
    wire: PREVIEW4,
    structs: PREVIEW4_STRUCTS,
    enumNames: PREVIEW4_ENUM_NAMES,
    flagNames: PREVIEW4_FLAG_NAMES,
  },
};

/** What --revision takes. */
export const REVISION_NAMES = Object.keys(REVISIONS) as readonly RevisionName[];

/** The revision with this name; undefined for what names none. */
export function revisionNamed(name: unknown): CodecRevision | undefined {
  return REVISION_NAMES.includes(name as RevisionName) ? REVISIONS[name as RevisionName] : undefined;
}

/** The structure of a packet's metadata; undefined when its message has none. */
export function metadataOf(revision: CodecRevision, packet: Pick<Packet, 'messageType'>): StructCodec | undefined {
  const info = revision.wire.messageInfo(packet.messageType);
  return info?.metadata === undefined ? undefined : revision.structs[info.metadata];
}
