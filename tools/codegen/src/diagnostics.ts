/** Where something stands in a schema file; lines and columns count from 1. */
export interface Position {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** Everything that is wrong with the schemas, each with its place, reported at once. */
export class SchemaError extends Error {
  constructor(readonly problems: readonly string[]) {
    super(problems.join('\n'));
    this.name = 'SchemaError';
  }
}

/** Collects problems so that one run reports them all. */
export class Diagnostics {
  readonly problems: string[] = [];

  report(at: Position, message: string): void {
    this.problems.push(`${at.file}:${at.line}:${at.column}: ${message}`);
  }

  /** @throws SchemaError when anything was reported */
  throwIfAny(): void {
    if (this.problems.length > 0) throw new SchemaError(this.problems);
  }
}
