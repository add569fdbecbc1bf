/** Parses bytes with the parser that the Kaitai compiler makes of a schema, as its users would. */
export declare function kaitaiParser(id: string): Promise<(bytes: ArrayBuffer) => object>;
//# sourceMappingURL=kaitai-parser.d.ts.map