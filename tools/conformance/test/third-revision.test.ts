import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { emitAll, readLayeredLayout } from 'nnrp-codegen/generate';
import { readLayers, type SchemaLayers } from 'nnrp-codegen/schema-layers';
import { describe, expect, it } from 'vitest';

/*
 * A revision after preview4 that adds one message, made as CONTRIBUTING.md says: its value, its structure, and the three
 * places of the packet schema. Nothing of it is written to the repository: its generated code is bundled from memory.
 */

const root = fileURLToPath(new URL('../../../', import.meta.url));
const core = `${root}packages/nnrp-core/src/`;

const META = `  license: Apache-2.0
  ks-version: '0.11'
  endian: le`;

const ENUMS = `meta:
  id: nnrp_enums
  title: NNRP/1-preview5 enumerations and flags
${META}
doc: What preview5 adds.
doc-ref: section 6
enums:
  message_type:
    0x4a:
      id: weather
      doc: Either side says how the weather is.
      doc-ref: section 4
      -nnrp:
        direction: both
        metadata: weather
        session-id: required
        frame-id: zero
        body: any
        body-lengths: [report_bytes]
`;

const WEATHER = `meta:
  id: weather
  title: NNRP/1-preview5 WEATHER metadata
${META}
  -nnrp:
    wire-name: WEATHER
doc: How the weather is. The body is a report.
doc-ref: section 7
seq:
  - id: station_id
    type: u8
    doc: Who has measured; not 0.
    doc-ref: section 7
  - id: celsius_x100
    type: s2
    doc: Hundredths of a degree.
    doc-ref: section 7
  - id: reserved
    type: u2
    valid: 0
    doc: Reserved; zero.
    doc-ref: section 7
  - id: report_bytes
    type: u4
    doc: Length of the report, which is the body, in bytes.
    doc-ref: section 7
  - id: check_weather_1
    size: 0
    valid:
      expr: _.length == 0 and station_id != 0
    doc: Somebody has measured.
    doc-ref: section 15
    -nnrp:
      rule: WEATHER-1
`;

const TYPE = 'nnrp_enums::message_type::';

/** The packet schema of preview4 with the message in its three places, and the check of its body. */
function packetSchema(packet: string): string {
  const after = (text: string, mark: string, added: string) => {
    if (!text.includes(mark)) throw new Error(`the packet schema has no ${mark}`);
    return text.replace(mark, mark + added);
  };
  const imported = after(packet, '    - transport_probe_ack\n', '    - weather\n');
  const cased = after(imported, `        ${TYPE}retry_after: retry_after\n`, `        ${TYPE}weather: weather\n`);
  const sized = after(
    cased,
    `      header.message_type == ${TYPE}retry_after ? sizeof<retry_after> :\n`,
    `      header.message_type == ${TYPE}weather ? sizeof<weather> :\n`,
  );
  const check = `  - id: check_weather_body
    size: 0
    if: header.message_type == ${TYPE}weather
    valid:
      expr: _.length == 0 and header.body_len == metadata.as<weather>.report_bytes
    doc: The body has exactly the length that the metadata announces.
    doc-ref: section 4
    -nnrp:
      kind: declared_length_mismatch
`;
  return sized.replace('  - id: body\n', `${check}  - id: body\n`);
}

const preview4 = readLayers(`${root}spec`, 'preview4');
const preview5: SchemaLayers = {
  revision: 'preview5',
  base: preview4,
  files: new Map([
    ['nnrp_enums.ksy', ENUMS],
    ['weather.ksy', WEATHER],
    ['nnrp_packet.ksy', packetSchema(preview4.files.get('nnrp_packet.ksy') ?? '')],
  ]),
};

/** The object of a revision, as packages/nnrp-core/src/revisions has them, with what the test needs beside it. */
const ENTRY = `
import { COMMON_HEADER_RULES, checkCommonHeader, encodeCommonHeader } from './generated/preview5/common-header.js';
import { MESSAGES } from './generated/preview5/message-table.js';
import { messagesByCode } from './revisions/revision.js';
import { checkBodyLengths } from './rules/body-lengths.js';
export { buildPacketOf } from './packet/packet-builder.js';
export { decodePacketOf } from './packet/decode-packet.js';
export * from './generated/preview5/index.js';
export const PREVIEW5 = {
  name: 'preview5', messages: MESSAGES, messageInfo: messagesByCode(MESSAGES), checkHeader: checkCommonHeader,
  headerRules: COMMON_HEADER_RULES, encodeHeader: encodeCommonHeader, checkTogether: () => undefined, checkBody: checkBodyLengths,
};
`;

interface Preview5 {
  readonly PREVIEW5: object;
  readonly MESSAGES: readonly { readonly name: string }[];
  readonly MessageType: Readonly<Record<string, number>>;
  encodeWeather(value: object, view: DataView): number;
  decodeWeather(view: DataView, start: number): object;
  buildPacketOf(revision: object, header: object, metadata: Uint8Array, body: Uint8Array): [Uint8Array, Uint8Array];
  decodePacketOf(
    bytes: Uint8Array,
    revision: object,
  ): {
    readonly messageType: number;
    readonly view: DataView;
    readonly metadataStart: number;
    readonly body: Uint8Array;
  };
}

/** Bundles the entry with the sources of nnrp-core and the generated code of preview5, and runs it. */
async function load(generated: ReadonlyMap<string, string>): Promise<Preview5> {
  const result = await build({
    stdin: { contents: ENTRY, resolveDir: core, loader: 'ts' },
    bundle: true,
    format: 'esm',
    write: false,
    logLevel: 'silent',
    plugins: [
      {
        name: 'preview5',
        setup({ onResolve, onLoad }) {
          onResolve({ filter: /^\./ }, ({ path, resolveDir }) => ({
            path: resolve(resolveDir, path.replace(/\.js$/, '.ts')),
          }));
          onLoad({ filter: /\/preview5\// }, ({ path }) => ({
            contents: generated.get(path.slice(root.length)) ?? '',
            loader: 'ts',
            resolveDir: dirname(path),
          }));
          onLoad({ filter: /\.ts$/ }, ({ path }) => ({ contents: readFileSync(path, 'utf8'), loader: 'ts' }));
        },
      },
    ],
  });
  const code = result.outputFiles[0]?.text ?? '';
  return (await import(`data:text/javascript;base64,${Buffer.from(code).toString('base64')}`)) as Preview5;
}

describe('a third revision that adds a message', () => {
  const generated = emitAll(readLayeredLayout(preview5));

  it('generates the message, the tables and nothing that was there before', () => {
    const modules = [...generated.keys()].flatMap((path) => /generated\/preview5\/(.*)\.ts$/.exec(path)?.[1] ?? []);
    expect(modules.sort()).toEqual([
      'common-header',
      'enums',
      'flags',
      'index',
      'message-table',
      'names',
      'struct-table',
      'weather',
    ]);
  });

  it('is refused until the packet schema has the message in all its places', () => {
    const files = new Map([...preview5.files].filter(([path]) => path !== 'nnrp_packet.ksy'));
    expect(() => readLayeredLayout({ ...preview5, files })).toThrow("cases: 'weather' is missing");
  });

  it('sends and receives it, refuses it where it is wrong, and has all else of preview4', async () => {
    const api = await load(generated);
    expect(api.MESSAGES.map(({ name }) => name).slice(-2)).toEqual(['RETRY_AFTER', 'WEATHER']);
    expect(api.MESSAGES).toHaveLength(52);

    const metadata = new Uint8Array(16);
    const weather = { stationId: 2n ** 40n, celsiusX100: -1250, reportBytes: 4 };
    api.encodeWeather(weather, new DataView(metadata.buffer));
    const header = { messageType: api.MessageType['Weather'], sessionId: 1 };
    const packet = (body: Uint8Array) => {
      const [head] = api.buildPacketOf(api.PREVIEW5, header, metadata, body);
      return new Uint8Array([...head, ...body]);
    };
    const received = api.decodePacketOf(packet(new TextEncoder().encode('snow')), api.PREVIEW5);
    expect(received.messageType).toBe(0x4a);
    expect(api.decodeWeather(received.view, received.metadataStart)).toEqual(weather);
    expect(new TextDecoder().decode(received.body)).toBe('snow');

    expect(() => api.decodePacketOf(packet(new Uint8Array(3)), api.PREVIEW5)).toThrow(
      'weather.report_bytes announces 4, got 3',
    );
    expect(() => api.encodeWeather({ ...weather, stationId: 0n }, new DataView(metadata.buffer))).toThrow('WEATHER-1');
  });
});
