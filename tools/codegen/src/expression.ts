/**
 * The subset of Kaitai expressions that may stand in `valid: expr`: integers, earlier fields, `_`, `.to_i`,
 * `& | ~ + - * %`, comparisons and `and or not`.
 *
 * Two traps of the Kaitai targets are refused here rather than met in production: JavaScript's bitwise operators are
 * signed, so their results may only be compared with 0; and they truncate, so no 64-bit field may be an operand. A
 * 64-bit field may be compared with 0, and with 0xffffffff: what its halves tell, and what a rounded number tells as well.
 */
export type Expression =
  | { readonly kind: 'integer'; readonly value: number }
  | { readonly kind: 'field'; readonly id: string }
  | { readonly kind: 'not'; readonly operand: Expression }
  | { readonly kind: 'complement'; readonly operand: Expression }
  | {
      readonly kind: 'binary';
      readonly operator: BinaryOperator;
      readonly left: Expression;
      readonly right: Expression;
    };

type BinaryOperator = 'and' | 'or' | '==' | '!=' | '<' | '<=' | '>' | '>=' | '&' | '|' | '+' | '-' | '*' | '%';

/** What the parser needs to know of a field that an expression may name. */
export interface Operand {
  readonly wide: boolean;
  readonly isEnum: boolean;
}

export class ExpressionError extends Error {}

const LEVELS: readonly (readonly BinaryOperator[])[] = [
  ['or'],
  ['and'],
  ['==', '!=', '<', '<=', '>', '>='],
  ['|'],
  ['&'],
  ['+', '-'],
  ['*', '%'],
];
const COMPARISONS: readonly string[] = ['==', '!=', '<', '<=', '>', '>='];
const BITWISE: readonly string[] = ['&', '|'];

/**
 * Parses and type-checks an expression.
 *
 * @param self - the field that `_` stands for; undefined for a zero-size check, which has no value
 * @param operands - the fields that may be named: those that stand earlier in the structure
 * @throws ExpressionError with a message that names the offending part
 */
export function parseExpression(
  source: string,
  self: string | undefined,
  operands: ReadonlyMap<string, Operand>,
): Expression {
  const parser = new Parser(source, self, operands);
  const expression = parser.parse();
  if (typeOf(expression, operands) !== 'boolean') {
    throw new ExpressionError(`'${source}' is not a condition: it yields a number`);
  }
  return expression;
}

/** A comparison of a 64-bit field: with 0, or with 0xffffffff. */
export interface WideComparison {
  readonly field: string;
  readonly operator: '==' | '!=' | '<=' | '>';
}

/**
 * Prints an expression as TypeScript.
 *
 * @param read - gives the code that yields a field's number
 * @param compareWide - gives the code of a comparison of a 64-bit field; without it such a field is read like any other
 */
export function printExpression(
  expression: Expression,
  read: (field: string) => string,
  compareWide?: (comparison: WideComparison) => string | undefined,
): string {
  const wide = compareWide && comparisonOf(expression);
  const special = wide && compareWide(wide);
  if (special !== undefined) return special;
  switch (expression.kind) {
    case 'integer':
      return String(expression.value);
    case 'field':
      return read(expression.id);
    case 'not':
      return `!(${printExpression(expression.operand, read, compareWide)})`;
    case 'complement':
      return `~${printExpression(expression.operand, read)}`;
    case 'binary': {
      const left = printExpression(expression.left, read, compareWide);
      const right = printExpression(expression.right, read, compareWide);
      const operator = TYPESCRIPT_OPERATOR[expression.operator] ?? expression.operator;
      return `(${left} ${operator} ${right})`;
    }
  }
}

const TYPESCRIPT_OPERATOR: Partial<Record<BinaryOperator, string>> = { and: '&&', or: '||', '==': '===', '!=': '!==' };

/** `field == 0`, `field != 0`, `field <= 0xffffffff` or `field > 0xffffffff`. */
function comparisonOf(expression: Expression): WideComparison | undefined {
  if (expression.kind !== 'binary' || expression.left.kind !== 'field') return undefined;
  const { operator, left, right } = expression;
  const isZero = (operator === '==' || operator === '!=') && isInteger(right, 0);
  const isHalf = (operator === '<=' || operator === '>') && isInteger(right, 0xffffffff);
  return isZero || isHalf ? { field: left.id, operator } : undefined;
}

/** The fields an expression reads. */
export function fieldsOf(expression: Expression): string[] {
  switch (expression.kind) {
    case 'integer':
      return [];
    case 'field':
      return [expression.id];
    case 'not':
    case 'complement':
      return fieldsOf(expression.operand);
    case 'binary':
      return [...fieldsOf(expression.left), ...fieldsOf(expression.right)];
  }
}

/**
 * The mask of an expression that refuses all other bits, or undefined: `(_ & 0xf0) == 0` on an 8-bit field allows 0x0f,
 * and `(_ & ~0x0f) == 0` says the same, though Go does not compile it.
 */
export function maskOf(expression: Expression, self: string, bits: number): number | undefined {
  if (expression.kind !== 'binary' || expression.operator !== '==' || !isInteger(expression.right, 0)) return undefined;
  const and = expression.left;
  if (and.kind !== 'binary' || and.operator !== '&') return undefined;
  if (and.left.kind !== 'field' || and.left.id !== self) return undefined;
  if (and.right.kind === 'integer') return 2 ** bits - 1 - and.right.value;
  if (and.right.kind !== 'complement' || and.right.operand.kind !== 'integer') return undefined;
  return and.right.operand.value;
}

function isInteger(expression: Expression, value: number): boolean {
  return expression.kind === 'integer' && expression.value === value;
}

function typeOf(expression: Expression, operands: ReadonlyMap<string, Operand>): 'boolean' | 'number' | 'bits' {
  switch (expression.kind) {
    case 'integer':
    case 'field':
      return 'number';
    case 'not':
      expectType(expression.operand, 'boolean', 'not', operands);
      return 'boolean';
    case 'complement':
      refuseWide(expression.operand, '~', operands);
      expectNumber(expression.operand, '~', operands);
      return 'bits';
    case 'binary':
      return typeOfBinary(expression, operands);
  }
}

function typeOfBinary(
  expression: Extract<Expression, { kind: 'binary' }>,
  operands: ReadonlyMap<string, Operand>,
): 'boolean' | 'number' | 'bits' {
  const { operator, left, right } = expression;
  if (operator === 'and' || operator === 'or') {
    expectType(left, 'boolean', operator, operands);
    expectType(right, 'boolean', operator, operands);
    return 'boolean';
  }
  if (BITWISE.includes(operator)) {
    for (const side of [left, right]) {
      refuseWide(side, operator, operands);
      expectNumber(side, operator, operands);
    }
    return 'bits';
  }
  const leftType = typeOf(left, operands);
  const rightType = typeOf(right, operands);
  if (comparisonOf(expression) === undefined) {
    refuseWide(left, operator, operands);
    refuseWide(right, operator, operands);
  }
  if (leftType === 'boolean' || rightType === 'boolean') throw new ExpressionError(`'${operator}' takes numbers`);
  if (COMPARISONS.includes(operator)) {
    if ((leftType === 'bits' && !isInteger(right, 0)) || (rightType === 'bits' && !isInteger(left, 0))) {
      throw new ExpressionError('the result of a bitwise operator may only be compared with 0 (it is signed)');
    }
    return 'boolean';
  }
  if (leftType === 'bits' || rightType === 'bits') {
    throw new ExpressionError(`'${operator}' may not take the result of a bitwise operator (it is signed)`);
  }
  return 'number';
}

function expectType(
  expression: Expression,
  type: 'boolean',
  operator: string,
  operands: ReadonlyMap<string, Operand>,
): void {
  if (typeOf(expression, operands) !== type) throw new ExpressionError(`'${operator}' takes conditions`);
}

function expectNumber(expression: Expression, operator: string, operands: ReadonlyMap<string, Operand>): void {
  if (typeOf(expression, operands) === 'boolean') throw new ExpressionError(`'${operator}' takes numbers`);
}

/** A 64-bit field is a bigint in JavaScript: it survives no 32-bit operator, and a number is not exact. */
function refuseWide(expression: Expression, operator: string, operands: ReadonlyMap<string, Operand>): void {
  for (const id of fieldsOf(expression)) {
    if (operands.get(id)?.wide)
      throw new ExpressionError(`'${operator}' on the 64-bit field '${id}': no exact result in JavaScript`);
  }
}

/** Drops `0 == 0` from a conjunction. */
function withoutTruths(expression: Expression): Expression {
  if (expression.kind !== 'binary' || expression.operator !== 'and') return expression;
  const left = withoutTruths(expression.left);
  const truth = left.kind === 'binary' && left.operator === '==' && isInteger(left.left, 0) && isInteger(left.right, 0);
  return truth ? expression.right : { ...expression, left };
}

class Parser {
  private readonly tokens: readonly string[];
  private next = 0;

  constructor(
    private readonly source: string,
    private readonly self: string | undefined,
    private readonly operands: ReadonlyMap<string, Operand>,
  ) {
    this.tokens = source.match(/0x[0-9a-fA-F]+|\d+|[A-Za-z_][A-Za-z0-9_]*|[=!<>]=|\S/g) ?? [];
  }

  parse(): Expression {
    const expression = this.level(0);
    if (this.next < this.tokens.length) throw this.unexpected();
    return withoutTruths(expression);
  }

  private level(depth: number): Expression {
    const operators = LEVELS[depth];
    if (operators === undefined) return this.unary();
    let left = this.level(depth + 1);
    while (operators.includes(this.tokens[this.next] as BinaryOperator)) {
      const operator = this.tokens[this.next++] as BinaryOperator;
      left = { kind: 'binary', operator, left, right: this.level(depth + 1) };
    }
    return left;
  }

  private unary(): Expression {
    const token = this.tokens[this.next++];
    if (token === 'not') return { kind: 'not', operand: this.level(2) };
    if (token === '~') return { kind: 'complement', operand: this.unary() };
    if (token === '(') {
      const inner = this.level(0);
      if (this.tokens[this.next++] !== ')') throw new ExpressionError(`'${this.source}': expected ')'`);
      return inner;
    }
    if (token !== undefined && /^\d/.test(token)) return { kind: 'integer', value: Number(token) };
    if (token !== undefined && /^[A-Za-z_]/.test(token)) return this.field(token);
    this.next--;
    throw this.unexpected();
  }

  private field(name: string): Expression {
    const id = name === '_' ? this.self : name;
    if (id === undefined) return this.emptyLength();
    const operand = this.operands.get(id);
    if (operand === undefined) {
      throw new ExpressionError(`'${id}' is not an earlier field (a forward reference compiles and then misjudges)`);
    }
    if (this.tokens[this.next] === '.') {
      if (this.tokens[this.next + 1] !== 'to_i') throw new ExpressionError(`'${id}': only .to_i is supported`);
      this.next += 2;
    } else if (operand.isEnum) {
      throw new ExpressionError(`'${id}' is an enum: use ${id}.to_i`);
    }
    return { kind: 'field', id };
  }

  /** `_.length` of a zero-size check, always 0: rules mention it because Go wants every variable used. */
  private emptyLength(): Expression {
    if (this.tokens[this.next] !== '.' || this.tokens[this.next + 1] !== 'length') {
      throw new ExpressionError("'_' has no value in a zero-size check but _.length, which is 0");
    }
    this.next += 2;
    return { kind: 'integer', value: 0 };
  }

  private unexpected(): ExpressionError {
    return new ExpressionError(`'${this.source}': unexpected '${this.tokens[this.next] ?? 'end'}'`);
  }
}
