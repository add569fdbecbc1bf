import { PREVIEW3, type Revision, type StructCodec } from 'nnrp-core';
import * as three from 'nnrp-core/preview3/struct-table';
import { type NamesByValue, PREVIEW4 } from 'nnrp-core/preview4';
import * as four from 'nnrp-core/preview4/struct-table';
import type { NnrpServerSession } from 'nnrp-runtime';

type Tables<T> = Readonly<Record<string, T>>;

/** A revision of the wire, and the names of what is in its packets. */
export interface WireTables {
  readonly wire: Revision;
  readonly structs: Tables<StructCodec>;
  readonly enumNames: Tables<NamesByValue>;
  readonly flagNames: Tables<NamesByValue>;
}

/** By the name of the revision that a session speaks. */
export const WIRE_TABLES: Readonly<Record<NnrpServerSession['revision'], WireTables>> = {
  preview3: { wire: PREVIEW3, structs: three.STRUCTS, enumNames: three.ENUM_NAMES, flagNames: three.FLAG_NAMES },
  preview4: { wire: PREVIEW4, structs: four.STRUCTS, enumNames: four.ENUM_NAMES, flagNames: four.FLAG_NAMES },
};
