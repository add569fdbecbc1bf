import { readFileSync } from 'node:fs';

/** The wire as tables that were written down apart from the schemas; they are what the schemas are held against. */
export interface WireFacts {
  readonly header: FactStruct;
  readonly structs: readonly FactStruct[];
  /** Enum id to value to name. */
  readonly enums: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** Flag set id to bit to name. */
  readonly flags: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly messages: readonly FactMessage[];
}

export interface FactStruct {
  readonly name: string;
  readonly length: number;
  readonly fields: readonly { readonly offset: number; readonly name: string; readonly type: string }[];
  readonly checks: readonly FactCheck[];
}

export type FactCheck =
  | { readonly check: 'zero'; readonly offset: number; readonly type: string; readonly field: string }
  | { readonly check: 'mask'; readonly field: string; readonly allowed: number }
  | { readonly check: 'enum'; readonly field: string; readonly enum: string }
  | { readonly check: 'constant'; readonly field: string; readonly kind: string; readonly value: number | string }
  | { readonly check: 'rule'; readonly rules: readonly string[] };

export interface FactMessage {
  readonly code: number;
  readonly name: string;
  readonly metadataBytes: number;
  readonly headerOnly: boolean;
  /** Structure of the metadata; undefined when the message has none. */
  readonly metadata: string | undefined;
  readonly direction: string;
  readonly sessionId: string;
  readonly frameId: string;
  readonly body: string;
  /** Fields that announce the body, as they stand in faults. */
  readonly bodyLengths: readonly string[] | undefined;
}

interface LayoutTables {
  readonly header: { readonly length: number; readonly flags_mask: number; readonly fields: FactStruct['fields'] };
  readonly messages: readonly {
    code: number;
    name: string;
    metadata_length: number;
    header_only: boolean;
    /** Structure of the metadata, where it has another name than the message. */
    struct?: string | null;
  }[];
  readonly structs: readonly FactStruct[];
  readonly enums: WireFacts['enums'];
  readonly flags: WireFacts['flags'];
  /** Enumerations that no codec checks, where they are listed apart. */
  readonly registries?: WireFacts['enums'];
}

interface FurtherTables {
  readonly messages: Readonly<Record<string, readonly string[]>>;
  readonly enums: WireFacts['enums'];
  readonly structs: readonly FactStruct[];
}

/** Flag sets that the schemas name otherwise, because one enum serves several fields. */
const FLAG_SET_IDS: Readonly<Record<string, string>> = {
  'header.flags': 'header_flags',
  'SERVER_HELLO_ACK.server_flags': 'server_flags',
  'SESSION_OPEN.session_flags': 'session_flags',
  'SESSION_OPEN_ACK.session_flags_ack': 'session_flags_ack',
  'RESULT_PUSH.result_flags': 'result_flags',
  budget_policy: 'budget_policy_flags',
  payload_kind_bitmap: 'payload_kind_flags',
  object_ref_mask: 'object_ref_flags',
  'FLOW_UPDATE.flow_flags': 'flow_flags',
  patch_mask: 'patch_flags',
  'CACHE_PUT.flags': 'cache_put_flags',
  'EXTENSION_FRAME_DESCRIPTOR.extension_flags': 'extension_flags',
};

/** Flag sets of preview4 that serve several fields, or are named after their field. */
const PREVIEW4_FLAG_SET_IDS: Readonly<Record<string, string>> = {
  ...FLAG_SET_IDS,
  'TENSOR_SECTION_DESCRIPTOR.section_flags': 'section_flags',
};
/** Tables of preview3 that preview4 does not have. */
const GONE: readonly string[] = ['payload_family_bit'];

const read = (name: string): unknown => JSON.parse(readFileSync(new URL(`../facts/${name}`, import.meta.url), 'utf8'));

/** Reads the facts of a revision. */
export function readWireFacts(revision: 'preview3' | 'preview4'): WireFacts {
  const further = read('wire-tables.json') as FurtherTables;
  const layout = read('layout.json') as LayoutTables;
  if (revision === 'preview3') {
    return {
      header: headerFacts(layout.header),
      structs: [...layout.structs, ...further.structs],
      enums: { ...layout.enums, ...further.enums },
      flags: flagSets(layout, FLAG_SET_IDS),
      messages: messageFacts(layout, further.messages, {}),
    };
  }
  const next = read('preview4-layout.json') as LayoutTables;
  const tables = read('preview4-tables.json') as Pick<FurtherTables, 'messages'> & {
    readonly bodyLengths: Readonly<Record<string, readonly string[]>>;
  };
  const kept = Object.fromEntries(Object.entries(further.enums).filter(([id]) => !GONE.includes(id)));
  return {
    header: headerFacts(next.header),
    // Extensions of this implementation are in no description of the protocol.
    structs: [...next.structs.map(newest), ...layout.structs.filter(({ name }) => name === 'RESUME_POSITION_PAYLOAD')],
    enums: { ...kept, ...next.enums, ...next.registries },
    flags: flagSets(next, PREVIEW4_FLAG_SET_IDS),
    messages: messageFacts(next, { ...further.messages, ...tables.messages }, tables.bodyLengths),
  };
}

/** The checks of the newest release, without the word since when there are some of them. */
function newest(struct: FactStruct): FactStruct {
  const checks = struct.checks.map((check) =>
    check.check === 'rule' ? { check: check.check, rules: check.rules } : check,
  );
  return { ...struct, checks };
}

function flagSets({ flags }: LayoutTables, ids: Readonly<Record<string, string>>): WireFacts['flags'] {
  const idOf = (name: string) => ids[name] ?? name.replace('.', '_').toLowerCase();
  return Object.fromEntries(Object.entries(flags).map(([name, bits]) => [idOf(name), bits]));
}

function messageFacts(
  layout: LayoutTables,
  further: Readonly<Record<string, readonly string[]>>,
  bodyLengths: Readonly<Record<string, readonly string[]>>,
): FactMessage[] {
  return layout.messages.map(({ code, name, metadata_length, header_only, struct }) => {
    const [direction = '', sessionId = '', frameId = '', body = ''] = further[code] ?? [];
    return {
      code,
      name,
      metadataBytes: metadata_length,
      headerOnly: header_only,
      metadata: metadata_length > 0 ? (struct ?? name) : undefined,
      direction,
      sessionId,
      frameId,
      body,
      bodyLengths: bodyLengths[code],
    };
  });
}

/** Section 3 lists the header's checks in prose: magic, version_major, wire_format, header_len, flags, message_type. */
function headerFacts(header: LayoutTables['header']): FactStruct {
  return {
    name: 'HEADER',
    length: header.length,
    fields: header.fields,
    checks: [
      { check: 'constant', field: 'magic', kind: 'invalid_magic', value: 'NNRP' },
      { check: 'constant', field: 'version_major', kind: 'unsupported_version_major', value: 1 },
      { check: 'constant', field: 'wire_format', kind: 'unsupported_wire_format', value: 0 },
      { check: 'constant', field: 'header_len', kind: 'invalid_header_length', value: 40 },
      { check: 'mask', field: 'flags', allowed: header.flags_mask },
      { check: 'enum', field: 'message_type', enum: 'message_type' },
    ],
  };
}
