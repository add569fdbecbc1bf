import type { StructLayout } from '../layout.js';
import { camel, pascal } from '../names.js';
import { docstring } from './emit-typescript.js';
import { fieldDoc, offsetText, READ, typeOf } from './struct-fields.js';

/** The class that reads single fields of a structure. */
export function emitView(struct: StructLayout): string {
  const name = pascal(struct.id);
  const values = struct.fields.filter((field) => field.role === 'value');
  const getters = values.flatMap((field) => {
    const property = camel(field.id);
    const type = typeOf(field);
    const at = (extra: number) => offsetText(field.offset + extra);
    const cast = type === 'number' || type === 'bigint' ? '' : ` as ${type}`;
    const little = field.type === 'u8' ? '' : ', true';
    const whole = [
      docstring(fieldDoc(field), '  ').trimEnd(),
      `  get ${property}(): ${type} {`,
      `    return this.source.${READ[field.type]}(${at(0).replace('start', 'this.start')}${little})${cast};`,
      '  }',
    ];
    if (field.type !== 'u64') return whole;
    const half = (suffix: string, word: string, extra: number) => [
      `  /** The ${word} 32 bits of {@link ${property}}, without a bigint. */`,
      `  get ${property}${suffix}(): number {`,
      `    return this.source.getUint32(${at(extra).replace('start', 'this.start')}, true);`,
      '  }',
    ];
    return [...whole, ...half('Lo', 'low', 0), ...half('Hi', 'high', 4)];
  });
  return [
    docstring([
      `Reads single fields of ${struct.wireName} from a view without copying or checking: call {@link check${name}} first on bytes from outside. One object serves many structures by {@link at}; it holds on to the view it was pointed at.`,
    ]).trimEnd(),
    `export class ${name}View {`,
    '  private source: DataView = NO_BYTES;',
    '  private start = 0;',
    '',
    '  constructor(view?: DataView, start = 0) {',
    '    if (view !== undefined) this.at(view, start);',
    '  }',
    '',
    '  /**',
    `   * Points this object at the structure that starts at \`start\`.`,
    `   * @throws WireError when fewer than ${struct.bytes} bytes follow`,
    '   */',
    '  at(view: DataView, start = 0): this {',
    `    if (!(start >= 0 && start + ${struct.bytes} <= view.byteLength)) {`,
    `      throw sourceTooShort(${struct.bytes}, view, start, '${struct.wireName}');`,
    '    }',
    '    this.source = view;',
    '    this.start = start;',
    '    return this;',
    '  }',
    '',
    ...getters,
    '}',
    '',
  ].join('\n');
}
