import { isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from 'yaml';
import type { Diagnostics, Position } from './diagnostics.js';

/** A YAML value that remembers where it stands, so that every complaint can name its line. */
export class YamlNode {
  private constructor(
    private readonly node: Node | null,
    readonly at: Position,
    private readonly lines: LineCounter,
    private readonly diagnostics: Diagnostics,
  ) {}

  static parse(file: string, text: string, diagnostics: Diagnostics): YamlNode {
    const lines = new LineCounter();
    const document = parseDocument(text, { lineCounter: lines, uniqueKeys: true, prettyErrors: false });
    for (const error of document.errors) {
      const { line, col } = lines.linePos(error.pos[0]);
      diagnostics.report({ file, line, column: col }, error.message.split('\n')[0] ?? error.message);
    }
    return new YamlNode(document.contents, { file, line: 1, column: 1 }, lines, diagnostics);
  }

  /** The entries of a mapping in file order; reports anything else. */
  entries(what: string): { key: string; keyAt: Position; rawKey: unknown; value: YamlNode }[] {
    if (!isMap(this.node)) {
      this.diagnostics.report(this.at, `${what}: expected a mapping, got ${this.describe()}`);
      return [];
    }
    return this.node.items.map((pair) => {
      const key = pair.key as Node;
      const rawKey = isScalar(key) ? key.value : String(key);
      const keyAt = this.position(key);
      const value = pair.value as Node | null;
      return {
        key: String(rawKey),
        rawKey,
        keyAt,
        value: new YamlNode(value, value === null ? keyAt : this.position(value), this.lines, this.diagnostics),
      };
    });
  }

  /** A mapping as a lookup; keys outside `allowed` are reported. */
  map(what: string, allowed: readonly string[]): Map<string, YamlNode> {
    const found = new Map<string, YamlNode>();
    for (const { key, keyAt, value } of this.entries(what)) {
      if (!allowed.includes(key)) {
        this.diagnostics.report(keyAt, `${what}: unsupported key '${key}' (supported: ${allowed.join(', ')})`);
        continue;
      }
      found.set(key, value);
    }
    return found;
  }

  items(what: string): YamlNode[] {
    if (!isSeq(this.node)) {
      this.diagnostics.report(this.at, `${what}: expected a list, got ${this.describe()}`);
      return [];
    }
    return this.node.items.map((item) => {
      const node = item as Node;
      return new YamlNode(node, this.position(node), this.lines, this.diagnostics);
    });
  }

  string(what: string): string {
    if (isScalar(this.node) && typeof this.node.value === 'string') return this.node.value;
    this.diagnostics.report(this.at, `${what}: expected a string, got ${this.describe()}`);
    return '';
  }

  integer(what: string): number {
    if (isScalar(this.node) && typeof this.node.value === 'number' && Number.isSafeInteger(this.node.value)) {
      return this.node.value;
    }
    this.diagnostics.report(this.at, `${what}: expected an integer, got ${this.describe()}`);
    return 0;
  }

  /** The plain value of a scalar, undefined for anything else. */
  scalar(): string | number | boolean | null | undefined {
    return isScalar(this.node) ? (this.node.value as string | number | boolean | null) : undefined;
  }

  isMap(): boolean {
    return isMap(this.node);
  }

  private describe(): string {
    if (this.node === null) return 'nothing';
    if (isMap(this.node)) return 'a mapping';
    if (isSeq(this.node)) return 'a list';
    return JSON.stringify(this.scalar());
  }

  private position(node: Node | null): Position {
    const start = node?.range?.[0];
    if (start === undefined) return this.at;
    const { line, col } = this.lines.linePos(start);
    return { file: this.at.file, line, column: col };
  }
}

/** Whether a node is a string of nothing but white space. */
export function isBlank(node: YamlNode): boolean {
  const text = node.scalar();
  return typeof text === 'string' && text.trim() === '';
}
