/*
 * The compiler ships no types, and those of the runtime describe a default export that does not exist under nodenext.
 * Only what the oracle uses is declared.
 */

declare module 'kaitai-struct-compiler' {
  interface Importer {
    /** Parsed YAML of an imported schema; `name` has no extension. */
    importYaml(name: string, mode: string): Promise<unknown>;
  }

  interface Compiler {
    /** File name to source text; `schema` is parsed YAML. Rejects with one problem; may never settle on bad schemas. */
    compile(
      language: string,
      schema: unknown,
      importer: Importer | null,
      debug?: boolean,
    ): Promise<Record<string, string>>;
  }

  const compiler: Compiler;
  export default compiler;
}

declare module 'kaitai-struct' {
  class KaitaiStream {
    constructor(source: ArrayBuffer | DataView | Uint8Array, byteOffset?: number);
    pos: number;
    readonly dataView: DataView;
    /** @throws EOFError when fewer than `length` bytes are left */
    ensureBytesLeft(length: number): void;
    readU8le(): number;
    readBytes(length: number): Uint8Array;
  }

  const runtime: { KaitaiStream: typeof KaitaiStream };
  export default runtime;
}
