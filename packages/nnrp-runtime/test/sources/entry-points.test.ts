import { readdirSync, readFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';

/*
 * Whatever is called from outside of the runtime (a socket, a timer, a turn of the event loop, an abort signal) goes through
 * base/guard.ts, and every promise reaches the application through settled.ts. This test reads the sources and refuses
 * any other way in or out.
 */

const PACKAGES = fileURLToPath(new URL('../../../', import.meta.url));
const ROOTS = ['nnrp-runtime/src', 'nnrp-transport-quic/src', 'nnrp-transport-websocket/src'];

const TIMERS = ['setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask'];
const LISTENING = ['on', 'once', 'addListener', 'prependListener', 'prependOnceListener', 'addEventListener'];
/** What the application holds: its methods answer by promises of the one door. The rest are found by their interfaces. */
const PUBLIC_CLASSES = [
  'NnrpServer',
  'NnrpClient',
  'NnrpClientSession',
  'ClientOperation',
  'EventStream',
  'ResultStream',
];
const PUBLIC_INTERFACES = [
  'FramedListener',
  'FramedConnector',
  'FramedTransport',
  'NnrpServerSession',
  'OperationContext',
];

/** Each stands for one place: file, what it does, and why that is right there. */
const ALLOWED: readonly (readonly [file: string, what: string, reason: string])[] = [
  ['nnrp-runtime/src/base/guard.ts', 'setTimeout', 'the guard itself'],
  ['nnrp-runtime/src/base/guard.ts', 'setInterval', 'the guard itself'],
  ['nnrp-runtime/src/base/guard.ts', 'setImmediate', 'the guard itself'],
  ['nnrp-runtime/src/base/guard.ts', 'process.nextTick', 'the guard itself'],
  ['nnrp-runtime/src/base/guard.ts', '.on()', 'the guard itself'],
  ['nnrp-runtime/src/platform/portable-turns.ts', 'setTimeout', 'what base/guard.ts guards'],
  ['nnrp-runtime/src/platform/portable-turns.ts', 'void of a promise', 'what base/guard.ts guards'],
  ['nnrp-runtime/src/base/time/turn.ts', 'setImmediate', 'of the process, no connection; nothing in it can throw'],
  ['nnrp-runtime/src/base/application/application-events.ts', '.on()', 'the emitter through which applications listen'],
  ['nnrp-runtime/src/base/application/application-events.ts', '.on()', 'the emitter through which applications listen'],
  ['nnrp-runtime/src/base/application/application-events.ts', '.on()', 'the emitter through which applications listen'],
  [
    'nnrp-runtime/src/base/application/application-events.ts',
    '.prependListener()',
    'the emitter through which applications listen',
  ],
  [
    'nnrp-runtime/src/base/application/application-events.ts',
    '.prependListener()',
    'the emitter through which applications listen',
  ],
  ['nnrp-runtime/src/client/logged-client.ts', '.on()', 'the events of the client, whose listeners cost nothing'],
  [
    'nnrp-runtime/src/base/application/abort-signals.ts',
    '.addEventListener()',
    'an abort signal; what it calls is guarded there',
  ],
  [
    'nnrp-runtime/src/server/operation/turn-budget.ts',
    'setImmediate',
    'of the process, no connection; nothing in it can throw',
  ],
  ['nnrp-runtime/src/base/time/unix-time.ts', 'Date.now', 'moments that peers of preview4 send'],
  ['nnrp-runtime/src/calls/chat/chat-handler.ts', 'Date.now', 'when a completion was made'],
  [
    'nnrp-runtime/src/calls/client/call-stream.ts',
    'void of a promise',
    'its errors reject the answer; it cannot reject',
  ],
  ['nnrp-runtime/src/transport/tls/tls-credentials.ts', 'Date.now', 'dates of certificates'],
  ['nnrp-runtime/src/transport/tls/tls-credentials.ts', 'Date.now', 'dates of certificates'],
  ['nnrp-transport-quic/src/module/system-calls.ts', 'Date.now', 'dates of certificates'],
  ['nnrp-transport-quic/src/certificates/self-signed-certificate.ts', 'new Date()', 'dates of certificates'],
  ['nnrp-transport-quic/src/quic-connector.ts', '.addEventListener()', 'rejects a promise in a guarded turn'],
  ['nnrp-transport-quic/src/udp/first-to-succeed.ts', '.addEventListener()', 'rejects a promise'],
  ['nnrp-transport-quic/src/quinn/quinn-client-socket.ts', '.addEventListener()', 'gives up a handshake'],
  ['nnrp-transport-quic/src/quinn/quinn-stream.ts', '.on()', 'does nothing'],
  ['nnrp-transport-quic/src/udp/udp-socket.ts', '.once()', 'rejects a promise'],
  ['nnrp-transport-websocket/src/upgrade/http-upgrades.ts', '.on()', 'guarded there, to be taken off again'],
  ['nnrp-transport-websocket/src/stream/websocket-stream.ts', '.setTimeout()', 'switches a timeout off'],
  ...Array.from({ length: 3 }, (): readonly [string, string, string] => [
    'nnrp-transport-websocket/src/browser/platform-transport.ts',
    '.setTimeout()',
    'of any platform; each is guarded there',
  ]),
  ['nnrp-transport-websocket/src/browser/platform-connector.ts', '.setTimeout()', 'rejects a promise'],
  ['nnrp-transport-websocket/src/browser/platform-connector.ts', '.addEventListener()', 'rejects a promise'],
];

/** Code of tests: a mistake there fails a test, not a server. */
const TEST_CODE = 'nnrp-runtime/src/testing/';

interface Finding {
  readonly what: string;
  readonly line: number;
}

/** Everything in a source text that is a way in or out of its own. */
function findings(text: string): Finding[] {
  const source = ts.createSourceFile('source.ts', text, ts.ScriptTarget.ES2022, true);
  const found: Finding[] = [];
  const report = (node: ts.Node, what: string) => {
    found.push({ what, line: source.getLineAndCharacterOfPosition(node.getStart()).line + 1 });
  };
  const visit = (node: ts.Node): void => {
    if (ts.isCallExpression(node)) {
      const what = entryOf(node);
      if (what !== undefined) report(node, what);
    } else if (ts.isPropertyAccessExpression(node) && node.getText() === 'Date.now') {
      report(node, 'Date.now');
    } else if (ts.isVoidExpression(node) && ts.isCallExpression(node.expression)) {
      report(node, 'void of a promise');
    } else if (ts.isNewExpression(node) && node.getText() === 'new Date()') {
      report(node, 'new Date()');
    } else if (ts.isClassDeclaration(node) && isPublic(node)) {
      for (const member of node.members) {
        if (ts.isMethodDeclaration(member) && isAsync(member)) report(member, `async ${member.name.getText()}()`);
      }
    }
    if (ts.isVariableStatement(node) && node.modifiers?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword)) {
      for (const member of membersOf(node)) if (isAsync(member)) report(member, `async ${member.name.getText()}()`);
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

/** Methods of the objects that a statement declares, frozen or not. */
function membersOf(node: ts.VariableStatement): ts.MethodDeclaration[] {
  return node.declarationList.declarations.flatMap(({ initializer }) => {
    const object =
      initializer !== undefined && ts.isCallExpression(initializer) ? initializer.arguments[0] : initializer;
    if (object === undefined || !ts.isObjectLiteralExpression(object)) return [];
    return object.properties.filter(ts.isMethodDeclaration);
  });
}

function entryOf({ expression, arguments: args }: ts.CallExpression): string | undefined {
  if (ts.isIdentifier(expression)) {
    if (expression.text === 'nextTick') return 'process.nextTick';
    return TIMERS.includes(expression.text) ? expression.text : undefined;
  }
  if (!ts.isPropertyAccessExpression(expression)) return undefined;
  const { text: name } = expression.name;
  const target = expression.expression.getText();
  if (name === 'nextTick' && target === 'process') return 'process.nextTick';
  if (TIMERS.includes(name)) return target === 'globalThis' ? name : `.${name}()`;
  return LISTENING.includes(name) && args.length >= 2 ? `.${name}()` : undefined;
}

function isPublic(node: ts.ClassDeclaration): boolean {
  if (PUBLIC_CLASSES.includes(node.name?.text ?? '')) return true;
  const implemented =
    node.heritageClauses?.flatMap(({ types }) => types.map((type) => type.expression.getText())) ?? [];
  return implemented.some((name) => PUBLIC_INTERFACES.includes(name));
}

function isAsync(member: ts.MethodDeclaration): boolean {
  const kinds = member.modifiers?.map(({ kind }) => kind) ?? [];
  const isHidden = kinds.includes(ts.SyntaxKind.PrivateKeyword) || kinds.includes(ts.SyntaxKind.ProtectedKeyword);
  return kinds.includes(ts.SyntaxKind.AsyncKeyword) && !isHidden;
}

function sources(): string[] {
  return ROOTS.flatMap((root) =>
    readdirSync(join(PACKAGES, root), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
      .map((file) =>
        relative(PACKAGES, join(PACKAGES, root, file))
          .split(sep)
          .join('/'),
      ),
  );
}

describe('ways into the runtime', () => {
  const files = sources().filter((file) => !file.startsWith(TEST_CODE));

  it('are all found', () => {
    expect(files.length).toBeGreaterThan(100);
  });

  it.each(files)('are guarded in %s', (file) => {
    const allowed = ALLOWED.filter(([where]) => where === file).map(([, what]) => what);
    const unguarded: string[] = [];
    for (const { what, line } of findings(readFileSync(join(PACKAGES, file), 'utf8'))) {
      const index = allowed.indexOf(what);
      if (index >= 0) allowed.splice(index, 1);
      else unguarded.push(`${file}:${line}: ${what}; use base/guard.ts, settled.ts or performance.now()`);
    }
    expect(unguarded).toEqual([]);
    expect(allowed, 'allowances that nothing needs').toEqual([]);
  });

  it('have a reason where they are allowed', () => {
    for (const [file, , reason] of ALLOWED) {
      expect(files).toContain(file);
      expect(reason.length).toBeGreaterThan(5);
    }
  });
});

describe('what the test finds', () => {
  const found = (text: string) => findings(text).map(({ what }) => what);

  it.each([
    ['setTimeout(() => this.expire(), 5);', 'setTimeout'],
    ['const timer = setInterval(look, 5);', 'setInterval'],
    ['setImmediate(resolve, transport);', 'setImmediate'],
    ['globalThis.setTimeout(go, 1);', 'setTimeout'],
    ['queueMicrotask(() => {});', 'queueMicrotask'],
    ['process.nextTick(this.flush);', 'process.nextTick'],
    ['nextTick(this.flush);', 'process.nextTick'],
    ["socket.on('data', (chunk) => this.received(chunk));", '.on()'],
    ["server?.once('error', reject);", '.once()'],
    ["signal.addEventListener('abort', stop);", '.addEventListener()'],
    ['stream.setTimeout(5, cut);', '.setTimeout()'],
    ['void client.close();', 'void of a promise'],
    ['const now = Date.now();', 'Date.now'],
    ['const clock = Date.now;', 'Date.now'],
    ['const now = new Date();', 'new Date()'],
    ['export const QuicProvider = Object.freeze({ async bind() {} });', 'async bind()'],
    ['export class NnrpServer { async close() {} }', 'async close()'],
    ['export class NnrpServer { async *[Symbol.asyncIterator]() {} }', 'async [Symbol.asyncIterator]()'],
    ['export class Listener implements FramedListener { static async bind() {} }', 'async bind()'],
    ['export class Operation extends OperationRecord implements OperationContext { async push() {} }', 'async push()'],
  ])('%s', (text, what) => {
    expect(found(text)).toEqual([what]);
  });

  it.each([
    'later(this, 5, () => this.expire());',
    "listen(this, socket, 'data', (chunk: Buffer) => this.received(chunk));",
    'clearTimeout(timer);',
    'void 0;',
    'const end = new Date(seconds * 1000);',
    'export class NnrpServer { private async shutDown() {} close() { return answering(() => this.shutDown()); } }',
    'export class Inner { async work() {} }',
    "this.emit('on', 1);",
  ])('not in: %s', (text) => {
    expect(found(text)).toEqual([]);
  });
});
