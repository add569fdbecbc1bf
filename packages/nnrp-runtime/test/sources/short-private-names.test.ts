import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { shortPrivateNames } from '../../../../tools/short-private-names.mjs';

/** What a module is compiled to, by the tool that builds the packages. */
function compiled(source: string): string {
  const file = ts.createSourceFile('module.ts', source, ts.ScriptTarget.ES2022, true);
  const options = { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ES2022, noLib: true, types: [] };
  const host: ts.CompilerHost = {
    ...ts.createCompilerHost(options),
    getSourceFile: (name) => (name === 'module.ts' ? file : undefined),
  };
  const program = ts.createProgram(['module.ts'], options, host);
  let code = '';
  const before = [shortPrivateNames(program, '$')];
  program.emit(undefined, (_name, text) => (code = text), undefined, undefined, { before });
  return code;
}

/** What the function `told` of a compiled module returns. */
async function toldBy(source: string): Promise<unknown> {
  const module = (await import(/* @vite-ignore */ `data:text/javascript,${encodeURIComponent(compiled(source))}`)) as {
    told(): unknown;
  };
  return module.told();
}

describe('private members of what is compiled', () => {
  it('have short names wherever they are written', async () => {
    const source = `
      class Holder {
        private static made = 0;
        private total = 0;
        constructor(private readonly first: number, private second = first) {
          Holder.made += 1;
          this.total = first + second;
        }
        private get both() { return [this.first, this.second]; }
        private set both(values) { this.total = values[0]! + values[1]!; }
        private sum(): number;
        private sum(more: number): number;
        private sum(more = 0) { return this.total + more; }
        tell(other: Holder) {
          const { total, second: renamed, ...rest } = other;
          const made = Holder.made;
          this.both = [20, 30];
          return { total, renamed, made, own: this.sum(1), both: this.both, rest: Object.keys(rest).length };
        }
      }
      export const told = () => new Holder(1, 2).tell(new Holder(3));
      declare const Object: { keys(value: object): string[] };`;
    expect(compiled(source)).not.toMatch(/this\.(?:total|first|second|both|sum)|Holder\.made|get both/);
    expect(await toldBy(source)).toEqual({ total: 6, renamed: 3, made: 2, own: 51, both: [1, 2], rest: 1 });
  });

  it('stay apart from those of what a class extends', async () => {
    const source = `
      class Base { private a = 1; private b = 2; base() { return [this.a, this.b]; } }
      class Derived extends Base { private c = 3; private d = 4; derived() { return [this.c, this.d]; } }
      export const told = () => [new Derived().base(), new Derived().derived()];`;
    expect(await toldBy(source)).toEqual([
      [1, 2],
      [3, 4],
    ]);
  });

  it('stay apart from those of what is in a variable that a class extends', async () => {
    const source = `
      class Base { private a = 1; private b = 2; base() { return [this.a, this.b]; } }
      class Further extends Base { private c = 3; further() { return this.c; } }
      const Held: typeof Further = Further;
      class Derived extends Held { private d = 4; derived() { return this.d; } }
      const HeldToo: typeof Derived = Derived;
      class Last extends HeldToo { private e = 5; last() { return this.e; } }
      const made = new Last();
      export const told = () => [...made.base(), made.further(), made.derived(), made.last()];`;
    expect(await toldBy(source)).toEqual([1, 2, 3, 4, 5]);
  });

  it('leave others of the same name alone, and shorthands whole', async () => {
    const source = `
      class Shown { readonly size = 1; constructor(private readonly word: string) { this.told = { word, size: 2 }; } readonly told; }
      export const told = () => [new Shown('x').size, new Shown('x').told];`;
    expect(await toldBy(source)).toEqual([1, { word: 'x', size: 2 }]);
  });

  it('are refused where a string names them', () => {
    const source = "export class Named { private word = 1; get() { return this['word']; } }";
    expect(() => compiled(source)).toThrow(/names a private member by a string/);
  });
});
