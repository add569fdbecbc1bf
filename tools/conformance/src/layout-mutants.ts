import type { CheckLayout, EnumLayout, FieldLayout, Layout, StructLayout } from 'nnrp-codegen/layout';

type Mutable<T> = T extends object ? { -readonly [K in keyof T]: Mutable<T[K]> } : T;
type Expression = Extract<CheckLayout, { kind: 'rule' }>['accepted'];

/** A fault planted between the schemas and the emitter. */
export interface LayoutMutant {
  readonly name: string;
  /** The structure whose code it changes. */
  readonly struct: string;
  /** Changes a copy of the layout in place. */
  apply(draft: LayoutDraft): void;
}

/** A layout that may be changed, with the parts of one structure at hand. */
export class LayoutDraft {
  readonly layout: Mutable<Layout>;

  constructor(
    layout: Layout,
    private readonly structId: string,
  ) {
    this.layout = structuredClone(layout) as Mutable<Layout>;
  }

  get struct(): Mutable<StructLayout> {
    return found(this.layout.structs, ({ id }) => id === this.structId);
  }

  field(id: string): Mutable<FieldLayout> {
    return found(this.struct.fields, (field) => field.id === id);
  }

  enum(id: string): Mutable<EnumLayout> {
    return found(this.layout.enums, (entry) => entry.id === id);
  }

  check<K extends CheckLayout['kind']>(kind: K, index = 0): Mutable<Extract<CheckLayout, { kind: K }>> {
    const check = this.struct.checks.filter((candidate) => candidate.kind === kind)[index];
    if (check === undefined) throw new Error(`${this.structId} has no check ${kind} ${index}`);
    return check as Mutable<Extract<CheckLayout, { kind: K }>>;
  }

  drop(kind: CheckLayout['kind'], index = 0): void {
    const check: unknown = this.check(kind, index);
    this.struct.checks = this.struct.checks.filter((candidate) => candidate !== check);
  }

  /** Swaps two checks by position. */
  swapChecks(a: number, b: number): void {
    const { checks } = this.struct;
    [checks[a], checks[b]] = [checks[b]!, checks[a]!];
  }

  /** Rewrites every part of a rule's expression. */
  rewrite(index: number, change: (part: Expression) => Expression): void {
    const rule = this.check('rule', index) as { accepted: Expression };
    const before = JSON.stringify(rule.accepted);
    rule.accepted = rewritten(rule.accepted, change);
    if (JSON.stringify(rule.accepted) === before) throw new Error(`${this.structId}: the rule stayed as it was`);
  }
}

function rewritten(part: Expression, change: (part: Expression) => Expression): Expression {
  switch (part.kind) {
    case 'integer':
    case 'field':
      return change(part);
    case 'not':
    case 'complement':
      return change({ ...part, operand: rewritten(part.operand, change) });
    case 'binary':
      return change({ ...part, left: rewritten(part.left, change), right: rewritten(part.right, change) });
  }
}

function found<T>(items: readonly T[], test: (item: T) => boolean): T {
  const item = items.find(test);
  if (item === undefined) throw new Error('the layout has no such part');
  return item;
}

export const operator =
  (from: string, to: string) =>
  (part: Expression): Expression =>
    part.kind === 'binary' && part.operator === from ? ({ ...part, operator: to } as Expression) : part;

export const integer =
  (from: number, to: number) =>
  (part: Expression): Expression =>
    part.kind === 'integer' && part.value === from ? { ...part, value: to } : part;

export const field =
  (from: string, to: string) =>
  (part: Expression): Expression =>
    part.kind === 'field' && part.id === from ? { ...part, id: to } : part;

export const mutant = (struct: string, name: string, apply: (draft: LayoutDraft) => void): LayoutMutant => ({
  struct,
  name,
  apply,
});

/** Faults that a wrong reading of a schema would cause. */
export const LAYOUT_MUTANTS: readonly LayoutMutant[] = [
  mutant('session_open', 'field one byte late', (d) => d.field('schema_id').offset++),
  mutant('flow_update', 'two fields swapped', (d) => {
    d.field('session_credit').offset = 8;
    d.field('operation_credit').offset = 6;
  }),
  mutant('session_open', 'u16 read as u8', (d) => (d.field('profile_id').type = 'u8')),
  mutant('session_open', 'u8 read as u16', (d) => (d.field('priority_class').type = 'u16')),
  mutant('session_open', 'u32 read as u16', (d) => (d.field('auth_bytes').type = 'u16')),
  mutant('flow_update', 'u64 read as u32', (d) => (d.field('operation_id').type = 'u32')),
  mutant('session_open', 'structure one byte short', (d) => d.struct.bytes--),
  mutant('session_open', 'structure one byte long', (d) => d.struct.bytes++),
  mutant('session_open', 'reserved bytes handed out', (d) => (d.field('reserved0').role = 'value')),
  mutant('session_open', 'field taken for reserved bytes', (d) => (d.field('lease_ttl_hint_ms').role = 'reserved')),
  mutant('session_close', 'zero check dropped', (d) => d.drop('zero')),
  mutant('cache_put', 'mask check dropped', (d) => d.drop('mask')),
  mutant('cache_ack', 'enum check dropped', (d) => d.drop('enum')),
  mutant('client_hello', 'rule dropped', (d) => d.drop('rule', 2)),
  mutant('common_header', 'constant check dropped', (d) => d.drop('constant', 1)),
  mutant('common_header', 'magic check dropped', (d) => d.drop('magic')),
  mutant('session_open', 'mask one bit wide', (d) => (d.check('mask').allowed = 0x1f)),
  mutant('session_open', 'mask one bit narrow', (d) => (d.check('mask').allowed = 0x07)),
  mutant('session_patch_ack', 'mask of another field', (d) => (d.check('mask', 1).field = 'applied_patch_mask')),
  mutant('flow_update', 'enum value added', (d) => {
    const [first] = d.enum('scope_kind').values;
    d.enum('scope_kind').values.push({ ...first!, value: 3, id: 'other' });
  }),
  mutant('cache_put', 'last enum value removed', (d) => d.enum('cache_object_kind').values.pop()),
  mutant('common_header', 'enum value in a gap removed', (d) => d.enum('message_type').values.splice(9, 1)),
  mutant('cache_put', 'enum starts at zero', (d) => (d.enum('cache_object_kind').values[0]!.value = 0)),
  mutant('result_hint', 'enum of another field', (d) => (d.check('enum', 2).enum = 'result_hint_congestion_state')),
  mutant('body_region_prelude', 'rule negated', (d) =>
    d.rewrite(0, (part) => (part.kind === 'binary' && part.operator === '==' ? { kind: 'not', operand: part } : part)),
  ),
  mutant('client_hello', 'rule with < for <=', (d) => d.rewrite(0, operator('<=', '<'))),
  mutant('client_hello', 'rule with > for >=', (d) => d.rewrite(1, operator('>=', '>'))),
  mutant('client_hello', 'rule with or for and', (d) => d.rewrite(1, operator('and', 'or'))),
  mutant('client_hello', 'rule tests another bit', (d) => d.rewrite(2, integer(1, 2))),
  mutant('client_hello', 'rule reads another field', (d) =>
    d.rewrite(3, field('supported_profile_bitmap', 'supported_payload_kind_bitmap')),
  ),
  mutant('body_region_prelude', 'rule with another divisor', (d) => d.rewrite(0, integer(16, 8))),
  mutant('frame_submit', 'rule with and for or', (d) => d.rewrite(0, operator('or', 'and'))),
  mutant('frame_submit', 'rule forgets one field', (d) => d.rewrite(0, field('camera_bytes', 'tile_base_id'))),
  mutant('result_push', 'rule forgets its last field', (d) =>
    d.rewrite(0, field('dropped_tile_count', 'covered_tile_count')),
  ),
  mutant('session_migrate', 'two rules read one field', (d) =>
    d.rewrite(1, field('new_transport_id', 'old_transport_id')),
  ),
  mutant('error_message', 'check order reversed', (d) => d.swapChecks(0, 1)),
  mutant('common_header', 'two constants checked in the wrong order', (d) => d.swapChecks(1, 3)),
  mutant('flow_update', 'mask checked before a reserved field', (d) => d.swapChecks(1, 2)),
  mutant('session_migrate', 'two rules in the wrong order', (d) => d.swapChecks(2, 3)),
  mutant('common_header', 'wrong header length', (d) => (d.check('constant', 2).value = 44)),
  mutant('common_header', 'wrong version', (d) => (d.check('constant').value = 2)),
  mutant('common_header', 'wrong magic', (d) => (d.field('magic').contents = 'NNRQ')),
  mutant('common_header', 'wrong kind of fault', (d) => (d.check('enum').fault = 'unknown_enum_value')),
  mutant('session_close', 'wrong name of a reserved field', (d) => (d.check('zero').name = 'session_close.other')),
  mutant('frame_submit', 'half of a merged zero check', (d) => d.check('zero', 1).fields.pop()),
  mutant('session_close_ack', 'zero check of the wrong field', (d) => (d.check('zero').fields = ['reserved1'])),
];
