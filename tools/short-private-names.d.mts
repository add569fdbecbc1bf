import type { Program, SourceFile, TransformerFactory } from 'typescript';

export function shortPrivateNames(program: Program, mark: string): TransformerFactory<SourceFile>;
