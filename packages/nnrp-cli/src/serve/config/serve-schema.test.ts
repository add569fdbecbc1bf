import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { expect, it } from 'vitest';
import { COMMAND_OPTIONS } from './command-options.js';
import { NOT_DATA } from './server-file.js';

/*
 * The schema of the configuration file, for editors: made from the interface of the server's options and from what the command
 * reads. UPDATE_DOCS=1 writes it.
 */

const SCHEMA = new URL('../../../schema/serve.schema.json', import.meta.url);
const OPTIONS = new URL('../../../../nnrp-runtime/src/server/contract/server-config.ts', import.meta.url);
const U32 = { type: 'integer', minimum: 0, maximum: 0xffffffff };
const PATH = { type: 'string', minLength: 1 };
const CERTIFICATES = {
  type: 'object',
  properties: {
    cert: { ...PATH, description: 'Certificate of the server, then those that lead to its root: PEM or DER.' },
    key: { ...PATH, description: 'Private key of that certificate.' },
    ca: { ...PATH, description: 'Take only clients whose certificates lead to one of these.' },
  },
  required: ['cert', 'key'],
  additionalProperties: false,
};

const OF_COMMAND: Readonly<Record<string, object>> = {
  listeners: {
    description: 'Addresses to listen on, all or none: HOST:PORT or URLs.',
    type: 'array',
    minItems: 1,
    items: {
      anyOf: [
        { type: 'string' },
        {
          type: 'object',
          properties: { address: { type: 'string' }, tls: CERTIFICATES },
          required: ['address'],
          additionalProperties: false,
        },
      ],
    },
  },
  tls: { description: 'Certificates of all encrypted addresses; paths are relative to the file.', ...CERTIFICATES },
  log_level: {
    description: 'What to write to standard error; default info.',
    enum: ['silent', 'error', 'warning', 'info'],
  },
  module: { description: 'JavaScript or TypeScript with handlers; relative to the file.', ...PATH },
  reload: { description: 'Read the module again when it changes; default false.', type: 'boolean' },
  handler: { description: 'How submits are answered without a module; default echo.', enum: ['echo', 'tokens'] },
  admin: {
    description: 'The port for operators.',
    type: 'object',
    properties: {
      address: { type: 'string', description: 'HOST:PORT; others than this machine need a token.' },
      token: { ...PATH, description: 'A file with the token, relative to this file.' },
      open_probes: {
        type: 'boolean',
        description: 'Whether /healthz and /readyz need no token, for probes from elsewhere; default false.',
      },
    },
    required: ['address'],
    additionalProperties: false,
  },
};

const OF_FILE: Readonly<Record<string, object>> = {
  schemas: {
    description: 'Schemas that sessions may name: pairs of id and version, or fields of a schema header.',
    type: 'array',
    items: {
      anyOf: [
        { type: 'array', items: U32, minItems: 2, maxItems: 2 },
        { type: 'object', required: ['schema_id', 'schema_version'] },
      ],
    },
  },
  policy_code: { description: 'Refuses every session with this code; 0 grants them.', ...U32 },
};

const TYPES: Readonly<Record<string, object>> = {
  number: { type: 'number', minimum: 0 },
  boolean: { type: 'boolean' },
  TransportKind: { type: 'string' },
  'readonly number[]': { type: 'array', items: U32 },
  DeadlineChoice: { enum: [true, false, 'report'] },
  RevisionChoice: { enum: ['preview3', 'preview4', 'auto'] },
  SlowReaderPolicy: { enum: ['disconnect', 'drop_oldest_partial'] },
};

function snake(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

function serverOptions(): Record<string, object> {
  const source = ts.createSourceFile('options.ts', readFileSync(OPTIONS, 'utf8'), ts.ScriptTarget.ES2022, true);
  const options = source.statements.find(
    (node): node is ts.InterfaceDeclaration =>
      ts.isInterfaceDeclaration(node) && node.name.text === 'NnrpServerOptions',
  );
  return Object.fromEntries(
    options!.members.filter(ts.isPropertySignature).flatMap((member) => {
      const name = member.name.getText();
      if (NOT_DATA.includes(name)) return [];
      const type = member.type!.getText().replace(' | undefined', '');
      expect(TYPES, `a form in JSON for ${name}: ${type}`).toHaveProperty([type]);
      const [comment] = ts.getJSDocCommentsAndTags(member);
      const description = ts.getTextOfJSDocComment((comment as ts.JSDoc | undefined)?.comment)?.replace(/\s+/g, ' ');
      return [[snake(name), { description, ...TYPES[type] }]];
    }),
  );
}

it('the schema says what a configuration file may say', () => {
  expect(Object.keys(OF_COMMAND)).toEqual(COMMAND_OPTIONS.map(snake));
  const schema = {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'Configuration of nnrp serve',
    type: 'object',
    properties: { $schema: { type: 'string' }, ...OF_COMMAND, ...OF_FILE, ...serverOptions() },
    additionalProperties: false,
  };
  const text = `${JSON.stringify(schema, undefined, 2)}\n`;
  if (process.env['UPDATE_DOCS'] === '1') {
    mkdirSync(fileURLToPath(new URL('.', SCHEMA)), { recursive: true });
    writeFileSync(SCHEMA, text);
  }
  expect(JSON.parse(readFileSync(SCHEMA, 'utf8'))).toEqual(JSON.parse(text));
});
