/** Out of line, so that the accepting path stays small. */
export declare function refuse(where: string): never;
//# sourceMappingURL=handwritten-refuse.d.ts.map