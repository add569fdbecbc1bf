declare module 'kaitai-struct-compiler' {
  const compiler: {
    compile(
      language: string,
      schema: unknown,
      importer: { importYaml(name: string, mode: string): Promise<unknown> },
      debug: boolean,
    ): Promise<Record<string, string>>;
  };
  export default compiler;
}
declare module 'kaitai-struct/KaitaiStream.js' {
  const KaitaiStream: new (bytes: ArrayBuffer, offset?: number) => object;
  export default KaitaiStream;
}
