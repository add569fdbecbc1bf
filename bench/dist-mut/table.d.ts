/** A Markdown table whose columns are padded, so that it also reads in a terminal; the first column names the rows. */
export declare function table(head: readonly string[], rows: readonly (readonly string[])[]): string;
//# sourceMappingURL=table.d.ts.map