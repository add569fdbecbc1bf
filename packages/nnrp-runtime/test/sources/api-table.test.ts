import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { SchemaRegistry } from 'nnrp-core';
import * as preview3 from 'nnrp-core/preview3';
import { afterAll, describe, expect, it } from 'vitest';
import { clientConfig, type SessionOptions, sessionOpen } from '../../src/client/contract/client-config.js';
import * as runtime from '../../src/index.js';
import { serverConfig } from '../../src/server/contract/server-config.js';
import { serveOptions } from '../../src/server/serve/serve-options.js';
import type { FramedListener, FramedTransport } from '../../src/transport/index.js';
import * as transport from '../../src/transport/index.js';
import { optionComments } from './option-comments.js';

/** Names of an interface; the compiler sees to it that there is no other and none is missing. */
type Names<T> = Record<keyof Required<T>, true>;

const FRAMED_TRANSPORT: Names<FramedTransport> = {
  kind: true,
  remoteAddress: true,
  peerIdentity: true,
  unfinishedBytes: true,
  unsentBytes: true,
  hasStalled: true,
  maxCloseMs: true,
  start: true,
  send: true,
  pause: true,
  resume: true,
  limitPackets: true,
  speak: true,
  tellSent: true,
  settleSent: true,
  probe: true,
  close: true,
  abort: true,
};
const FRAMED_LISTENER: Names<FramedListener> = {
  kind: true,
  address: true,
  accept: true,
  close: true,
  onAcceptFailed: true,
  bounds: true,
  onBoundHit: true,
  renew: true,
};
const SUBMIT_OPTIONS: Names<runtime.SubmitOptions> = {
  signal: true,
  deadlineMs: true,
  metadata: true,
  traceId: true,
  routeId: true,
  operationId: true,
  deadlineAt: true,
  onBlocked: true,
};
const SERVE_HANDLERS: Names<runtime.ServeHandlers> = {
  submit: true,
  session: true,
  ended: true,
  cancel: true,
  patch: true,
  migrate: true,
  cache: true,
  close: true,
  event: true,
};
/** Options that do not stand in SESSION_OPEN as they are given, with their defaults. */
const OWN_SESSION_OPTIONS = { auth: '', extensions: [], signal: undefined };

const PAGE = fileURLToPath(new URL('../../../../docs/api.md', import.meta.url));
const page = readFileSync(PAGE, 'utf8');
const publicNames = read('../../../../docs/public-names.md');
const { owners, end } = await oneOfEverything();
afterAll(end);

describe('the pages of the API', () => {
  const mapped = tablesOf(publicNames);
  const byTask = tablesOf(page.slice(0, page.indexOf('## Options')));
  const namedByTask = new Set(byTask.flatMap(namesOf));
  const named = [...new Set([...mapped.flatMap(namesOf), ...namedByTask])];

  it('have no empty cell', () => {
    expect([mapped.length, byTask.length].map((count) => count > 80)).toEqual([true, true]);
    expect([...mapped, ...byTask].filter((cells) => cells.some((cell) => cell === ''))).toEqual([]);
  });

  it('name every public call', () => {
    expect(named.length).toBeGreaterThan(100);
    for (const name of PUBLIC_NAMES)
      expect(publicNames, name).toMatch(new RegExp(`^\\| .*\\b${name}\\b.* \\| \``, 'm'));
  });

  it('name by task whatever has a public name', () => {
    const elsewhere =
      /^(?:NnrpServerOptions|SessionOptions|SchemaRegistry|RuntimeSessionRecord|NnrpSubmit|NnrpCancel|NnrpMigration)\b/;
    const missing = mapped.flatMap(namesOf).filter((name) => !namedByTask.has(name) && !elsewhere.test(name));
    expect(missing).toEqual([]);
  });

  it.each(named)('%s exists', (name) => {
    const [owner = '', member] = name.split('.');
    expect(Object.keys(owners), name).toContain(owner);
    if (member === undefined) return;
    const places = [owners[owner], exported(owner)].filter((place) => place !== undefined);
    expect(places.some((place) => member in (place as object))).toBe(true);
  });

  it('name every handler', () => {
    for (const handler of Object.keys(SERVE_HANDLERS)) expect(namedByTask).toContain(`ServeHandlers.${handler}`);
  });
});

describe('the options', () => {
  it.each<[string, string, object]>([
    [
      'NnrpServerOptions',
      'server/contract/server-config',
      { ...serverConfig({}, 'tcp'), authorize: undefined, logger: undefined },
    ],
    ['ServeOptions', 'server/serve/serve-options', { ...serveOptions({}), scheduling: {} }],
    ['SchedulingOptions', 'server/scheduling/scheduling-options', serveOptions({}).scheduling],
    [
      'NnrpClientOptions',
      'client/contract/client-config',
      { ...clientConfig({}), signal: undefined, logger: undefined },
    ],
    ['SessionOptions', 'client/contract/client-config', sessionDefaults()],
  ])('of %s stand in the page as in the code, with their defaults', (name, source, defaults) => {
    const documented = comments(name, source);
    expect(documented.map(([option]) => option).sort()).toEqual(Object.keys(defaults).sort());
    const rows = documented.map(([option, comment]) => {
      const value: unknown = defaults[option as keyof typeof defaults];
      // The default has a column of its own.
      return [`\`${option}\``, unitOf(option, value), shown(value), comment.replace(/; default [^.;]+(?=[.;])/, '')];
    });
    expectBlock(name, markdown([['Option', 'Unit', 'Default', 'Effect'], ...rows]));
  });

  it.each([
    ['SubmitOptions', 'client/submits/submit-options'],
    ['CallOptions', 'calls/client/call-options'],
    ['RetryOptions', 'calls/client/retry-options'],
    ['CloseOptions', 'client/session/close-options'],
    ['ServerCloseOptions', 'server/contract/close-options'],
    ['TlsOptionsOfBothEnds', 'transport/tls/tls-options'],
    ['TlsServerOptions', 'transport/tls/tls-options'],
    ['TlsClientOptions', 'transport/tls/tls-options'],
  ])('of %s stand in the page as in the code', (name, source) => {
    const rows = comments(name, source).map(([option, comment]) => [`\`${option}\``, comment]);
    expect(rows.length).toBeGreaterThan(2);
    expectBlock(name, markdown([['Option', 'Effect'], ...rows]));
  });
});

/** What the protocol's pages call the calls and options of server and client. */
const PUBLIC_NAMES = `
  with_transport with_supported_profiles with_supported_cache_objects with_cache_limits with_schema_registry
  with_resume_token_bytes with_application_policy validate_session_open bind_tcp bind_quic from_listener
  from_boxed_listener local_addr session_count accept transport_kind read_packet write_packet session_id client_open
  lifecycle operations cache_object_count receive_submit receive_cancel receive_patch receive_migrate receive_close
  send_result send_result_drop send_patch_ack send_flow_update send_migrate_ack ack_close track_cache_object
  transport supported_profiles supported_cache_objects max_cache_objects max_cache_object_bytes schema_registry
  resume_token_bytes max_in_flight_operations granted_operation_credit lease_ttl_ms resume_window_ms
  application_policy NnrpSubmit NnrpCancel NnrpMigration RuntimeSessionRecord AllowAllServerPolicy
  submit submit_nowait await_event await_result cancel_frame patch_session migrate_transport build_migration_request
  close_with close_transport connect_tcp connect_quic from_transport from_boxed_transport open_session
  requested_session_id profile_id schema_id schema_version priority_class default_deadline_ms lease_ttl_hint_ms
  allow_resume cache_hints with_cache_hints with_resume
`
  .trim()
  .split(/\s+/);

function read(path: string): string {
  return readFileSync(fileURLToPath(new URL(path, import.meta.url)), 'utf8');
}

function isRow(line: string): boolean {
  return line.startsWith('| ') && !/^\| (-|Public name|Ours|Of )/.test(line);
}

function tablesOf(text: string): string[][] {
  return text.split('\n').filter(isRow).map(cellsOf);
}

function cellsOf(line: string): string[] {
  return line
    .slice(1, -1)
    .split('|')
    .map((cell) => cell.trim());
}

/** Every name of ours in a row: what stands in code and begins with the name of a class or type. */
function namesOf(cells: readonly string[]): string[] {
  const ours = cells.length === 2 ? cells : cells.slice(1);
  return [...ours.join(' ').matchAll(/`([A-Z]\w+(?:\.\w+)?)[^`]*`/g)].map((match) => match[1] as string);
}

function exported(name: string): unknown {
  return ({ ...transport, ...runtime } as Record<string, unknown>)[name];
}

/** One of every class and type that the page speaks of, at work. */
async function oneOfEverything() {
  const listener = new transport.MemoryListener();
  const server = runtime.NnrpServer.fromListener(listener);
  const client = runtime.NnrpClient.fromTransport(await listener.connect());
  const clientSession = await client.openSession({ defaultDeadlineMs: 0 });
  const session = await server.accept();
  const clientOperation = await clientSession.submit('x');
  const operation = await session.receiveSubmit();
  clientOperation.cancel();
  const cancel = await session.receiveCancel();
  const moving = clientSession.migrateTransport({
    oldTransportId: preview3.TransportId.Tcp,
    newTransportId: preview3.TransportId.Quic,
    lastResultFrameId: 0n,
    clientMigrateTsUs: 0n,
  });
  const migration = await session.receiveMigrate();
  await session.sendMigrateAck(migration);
  await moving;
  const owners: Record<string, unknown> = {
    NnrpServer: server,
    NnrpServerOptions: { ...server.config, authorize: undefined },
    NnrpServerPolicy: server.config.applicationPolicy,
    AllowAllServerPolicy: server.config.applicationPolicy,
    NnrpServerSession: session,
    RuntimeSessionRecord: session.record,
    NnrpSubmit: operation,
    OperationContext: operation,
    NnrpCancel: cancel,
    NnrpMigration: migration,
    SchemaRegistry: server.config.schemaRegistry,
    ServeHandlers: SERVE_HANDLERS,
    NnrpClient: client,
    NnrpClientSession: clientSession,
    ClientOperation: clientOperation,
    NnrpResult: runtime.NnrpResult.prototype,
    SessionOptions: sessionDefaults(),
    SubmitOptions: SUBMIT_OPTIONS,
    FramedListener: FRAMED_LISTENER,
    FramedTransport: FRAMED_TRANSPORT,
    AbortSignal,
    PeerError: runtime.PeerError,
    CancelledError: runtime.CancelledError,
    HandlerError: runtime.HandlerError,
  };
  return { owners, end: () => Promise.all([client.close(), server.close()]) };
}

function sessionDefaults(): SessionOptions {
  const { resumeTokenBytes, authBytes, sessionExtensionBytes, ...open } = sessionOpen({});
  return { ...open, ...OWN_SESSION_OPTIONS } as SessionOptions;
}

/** Compares a table with what stands between its marks in the page, or puts it there with UPDATE_DOCS=1. */
function expectBlock(name: string, table: string): void {
  const marks = new RegExp(`(<!-- options: ${name} -->)([\\s\\S]*?)(<!-- end -->)`);
  if (process.env['UPDATE_DOCS'] === '1') {
    const filled = readFileSync(PAGE, 'utf8').replace(
      marks,
      (_, begin, __, close) => `${begin}\n\n${table}\n\n${close}`,
    );
    writeFileSync(PAGE, filled);
  } else {
    expect(marks.exec(page)?.[2]?.trim()).toBe(table);
  }
}

function comments(name: string, source: string): [string, string][] {
  return optionComments(name, read(`../../src/${source}.ts`));
}

function unitOf(option: string, value: unknown): string {
  if (option === 'signal') return 'AbortSignal';
  if (option.endsWith('Ms')) return 'ms';
  if (option.endsWith('Bytes')) return 'bytes';
  if (Array.isArray(value)) return 'list';
  if (value instanceof SchemaRegistry || value instanceof runtime.AllowAllServerPolicy) return 'object';
  if (value === undefined) return 'function';
  if (typeof value === 'boolean') return 'switch';
  if (typeof value === 'object') return 'object';
  return typeof value === 'string' ? 'text' : 'number';
}

function shown(value: unknown): string {
  if (value === undefined) return 'none';
  if (value instanceof SchemaRegistry) return [...value].map((schema) => `schema ${schema.schemaId}`).join(', ');
  if (value instanceof runtime.AllowAllServerPolicy) return '`AllowAllServerPolicy`';
  return `\`${typeof value === 'bigint' ? `${value}n` : JSON.stringify(value).replaceAll('"', "'")}\``;
}

/** A table with columns as wide as their longest cell. */
function markdown(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)));
  const line = (row: readonly string[]) =>
    `| ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`;
  const [head = [], ...body] = rows;
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...body.map(line)].join('\n');
}
