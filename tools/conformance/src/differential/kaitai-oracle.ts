import runtime from 'kaitai-struct';
import compiler from 'kaitai-struct-compiler';
import type { KsyYaml } from './schema.js';

/** What the compiler's parser made of some bytes. */
export type Verdict =
  | { readonly accepted: true; readonly fields: Readonly<Record<string, unknown>> }
  /** `path` is the place in `seq` of the first check that failed, such as /seq/3; empty when the bytes ran out. */
  | { readonly accepted: false; readonly path: string };

/** The parser that the Kaitai compiler makes from one schema, u64 fields exact. */
export interface OracleParser {
  /** The parser as the compiler wrote it. */
  parse(bytes: Uint8Array): Verdict;
  /** Every check that fails, in `seq` order, as indices into `seq`; the bytes must be long enough. */
  brokenChecks(bytes: Uint8Array): readonly number[];
}

type ParserClass = new (stream: object) => Readonly<Record<string, unknown>>;
type Modules = Readonly<Record<string, unknown>>;

/** A compiler that hangs on a schema must not hang the tests. Milliseconds. */
const COMPILE_TIMEOUT_MS = 20_000;

const collected: number[] = [];

class Refusal extends Error {
  constructor(readonly path: string) {
    super(`refused at ${path}`);
  }
}

/** Runs the compiler; the importer reads from the same set of schemas. @throws when it takes too long */
export async function compileKsy(
  language: string,
  id: string,
  schemas: ReadonlyMap<string, KsyYaml>,
): Promise<Record<string, string>> {
  const load = (name: string): Promise<unknown> => Promise.resolve(schemas.get(name.replace(/^.*\//, '')));
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${id}: no answer in ${COMPILE_TIMEOUT_MS} ms`)), COMPILE_TIMEOUT_MS);
  });
  try {
    return await Promise.race([compiler.compile(language, await load(id), { importYaml: load }, false), late]);
  } catch (error) {
    // The compiler is Scala and throws what is not an Error.
    throw error instanceof Error ? error : new Error(`${id}: ${String(error)}`);
  } finally {
    clearTimeout(timer);
  }
}

/** Compiles schemas (default: all that have a `seq`) to parsers by schema id. */
export async function loadOracle(
  schemas: ReadonlyMap<string, KsyYaml>,
  ids: readonly string[] = [...schemas.values()].filter((file) => file.seq).map((file) => file.meta.id),
): Promise<Map<string, OracleParser>> {
  const sources = new Map<string, string>();
  const parsers = new Map<string, OracleParser>();
  for (const id of ids) {
    for (const [name, text] of Object.entries(await compileKsy('javascript', id, schemas))) sources.set(name, text);
  }
  const strict = evaluateAll(sources, StrictStream);
  const collecting = evaluateAll(new Map([...sources].map(([name, text]) => [name, collect(text)])), CollectingStream);
  for (const id of ids) {
    const name = id.replace(/(^|_)([a-z0-9])/g, (_, __, letter: string) => letter.toUpperCase());
    parsers.set(id, toParser(parserClass(strict, name), parserClass(collecting, name)));
  }
  return parsers;
}

/** Reads 64 bits without rounding, and reports which check failed: the runtime's own errors drop the path. */
class StrictStream extends runtime.KaitaiStream {
  static readonly ValidationNotEqualError = refusalWithPathAt(3);
  static readonly ValidationLessThanError = refusalWithPathAt(3);
  static readonly ValidationGreaterThanError = refusalWithPathAt(3);
  static readonly ValidationNotAnyOfError = refusalWithPathAt(2);
  static readonly ValidationNotInEnumError = refusalWithPathAt(2);
  static readonly ValidationExprError = refusalWithPathAt(2);

  override readU8le(): number {
    this.ensureBytesLeft(8);
    const value = this.dataView.getBigUint64(this.pos, true);
    this.pos += 8;
    // Generated code only stores the value and compares it loosely, which a bigint takes as well.
    return value as unknown as number;
  }

  override readBytes(length: number): Uint8Array {
    // The runtime turns lengths of 2^31 and more into negative ones before it compares them with what is left.
    this.ensureBytesLeft(length);
    return super.readBytes(length);
  }
}

class CollectingStream extends StrictStream {
  static note(refusal: Refusal): void {
    collected.push(Number(refusal.path.slice('/seq/'.length)));
  }
}

function refusalWithPathAt(index: number) {
  return class extends Refusal {
    constructor(...details: unknown[]) {
      super(String(details[index]));
    }
  };
}

/** Turns every failing check from the end of parsing into a note, so that the others are judged as well. */
function collect(source: string): string {
  return source.replace(/throw new (KaitaiStream\.Validation\w+\(.*\));$/gm, 'KaitaiStream.note(new $1);');
}

/** The compiler writes UMD modules; they are evaluated with a `require` of their own, in memory. */
function evaluateAll(sources: ReadonlyMap<string, string>, stream: typeof StrictStream): Modules {
  const loaded: Record<string, object> = {};
  const load = (name: string): object => {
    const found = loaded[name];
    if (found !== undefined) return found;
    const source = sources.get(`${name}.js`);
    if (source === undefined) throw new Error(`the compiler wrote no ${name}.js`);
    const exports = {};
    loaded[name] = exports;
    const require = (path: string) => (path.startsWith('./') ? load(path.slice(2)) : stream);
    new Function('exports', 'require', 'module', source)(exports, require, { exports });
    return exports;
  };
  for (const name of sources.keys()) load(name.slice(0, -3));
  return loaded;
}

function parserClass(modules: Modules, name: string): ParserClass {
  const parser = (modules[name] as Modules | undefined)?.[name];
  if (typeof parser !== 'function') throw new Error(`the compiler wrote no class ${name}`);
  return parser as ParserClass;
}

function toParser(Strict: ParserClass, Collecting: ParserClass): OracleParser {
  const dataView = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return {
    parse(bytes) {
      try {
        return { accepted: true, fields: new Strict(new StrictStream(dataView(bytes))) };
      } catch (error) {
        if (error instanceof Refusal) return { accepted: false, path: error.path };
        if (error instanceof Error && error.name === 'EOFError') return { accepted: false, path: '' };
        throw error;
      }
    },
    brokenChecks(bytes) {
      collected.length = 0;
      new Collecting(new CollectingStream(dataView(bytes)));
      return [...collected];
    },
  };
}
