import { requireFreshBuilds } from '../../../../tools/fresh-build.mjs';
import 'reflect-metadata';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { TransportError } from 'nnrp-core';
import ts from 'typescript';
import { beforeAll, describe, expect, it } from 'vitest';
import { NnrpServer } from '../../src/index.js';
import type { FramedListener, FramedTransport } from '../../src/transport/index.js';
import { issue } from '../support/certificates.js';

/*
 * No promise that the runtime hands out ends the process of somebody who drops it, unless the caller has made a mistake.
 * Every public method is found by reflection and called in a process of its own. The processes run what is built.
 */

const WALK = fileURLToPath(new URL('./promises-walk/walk.mjs', import.meta.url));

/** Public classes and interfaces with their sources. */
const CLASSES: readonly (readonly [name: string, file: string])[] = [
  ['NnrpServer', 'server/server.ts'],
  ['NnrpServerSession', 'server/contract/contract.ts'],
  ['OperationContext', 'server/contract/contract.ts'],
  ['NnrpClient', 'client/portable-client.ts'],
  ['NnrpClient', 'client/client.ts'],
  ['NnrpClientSession', 'client/session/client-session.ts'],
  ['ClientOperation', 'client/results/client-operation.ts'],
  ['EventStream', 'client/streams/event-stream.ts'],
  ['ResultStream', 'client/results/result-stream.ts'],
  ['CallStream', 'calls/client/call-stream.ts'],
  ['ChatStream', 'calls/chat/chat.ts'],
];

/** What methods that a symbol names are called here. */
const SYMBOLS: Readonly<Record<string, string>> = {
  '[Symbol.asyncIterator]': '[iterator]',
  '[ASYNC_DISPOSE]': '[dispose]',
};

/** Methods that are public for other parts of the runtime alone, as their comments say. */
const FOR_THE_RUNTIME =
  /@internal|^\/\*\*\s*(\*\s*)?For the (session|serve loop|runtime|deadline queue|stream|reporter|loop)\b/;

const HIDDEN = new Set<ts.SyntaxKind>([ts.SyntaxKind.PrivateKeyword, ts.SyntaxKind.ProtectedKeyword]);

/** Always refuses on the servers of this test, at once. */
const ALWAYS_REFUSED = ['NnrpServer.renew'];

/** Public methods, and getters and fields of promises, of a class or an interface. */
function publicCalls(className: string, file: string): string[] {
  const path = fileURLToPath(new URL(`../../src/${file}`, import.meta.url));
  const source = ts.createSourceFile(path, readFileSync(path, 'utf8'), ts.ScriptTarget.ES2022, true);
  const declared = source.statements.find(
    (statement) =>
      (ts.isClassDeclaration(statement) || ts.isInterfaceDeclaration(statement)) && statement.name?.text === className,
  ) as ts.ClassDeclaration | ts.InterfaceDeclaration | undefined;
  if (declared === undefined) throw new Error(`${file} declares no ${className}`);
  const members: readonly (ts.ClassElement | ts.TypeElement)[] = [...declared.members];
  return members.flatMap((member) => {
    const isField = ts.isGetAccessor(member) || ts.isPropertyDeclaration(member) || ts.isPropertySignature(member);
    const isPromise = isField && member.type?.getText().startsWith('Promise');
    if (!ts.isMethodDeclaration(member) && !ts.isMethodSignature(member) && isPromise !== true) return [];
    const modifiers = ts.canHaveModifiers(member) ? (ts.getModifiers(member) ?? []) : [];
    if (modifiers.some(({ kind }) => HIDDEN.has(kind))) return [];
    const comment = source.text.slice(member.getFullStart(), member.getStart()).trim();
    if (FOR_THE_RUNTIME.test(comment)) return [];
    const text = member.name?.getText() ?? '';
    // For logs, where what they give is there at once; and what no other code can call.
    if (text === 'toJSON' || text === '[INSPECT]' || text.startsWith('#')) return [];
    return [`${className}.${SYMBOLS[text] ?? text}`];
  });
}

interface Listed {
  readonly calls: readonly (readonly [name: string, styles: readonly string[]])[];
  readonly mistakes: readonly string[];
}

function run(...args: string[]): Promise<{ readonly code: number; readonly out: string; readonly err: string }> {
  requireFreshBuilds('packages/nnrp-core', 'packages/nnrp-runtime');
  return new Promise((resolve) => {
    const options = { env: { ...process.env, WALK_TLS: tls }, timeout: 60_000 };
    execFile(process.execPath, [WALK, ...args], options, (error, out, err) => {
      resolve({ code: error === null ? 0 : Number(error.code ?? 1), out, err });
    });
  });
}

let tls = '{}';
const listed = JSON.parse((await run('list')).out) as Listed;

beforeAll(async () => {
  const server = await issue({ name: 'CN=server', ips: ['127.0.0.1'], use: 'server' });
  tls = JSON.stringify({ cert: server.certificate, key: server.key });
});

describe('every public call', () => {
  const found = CLASSES.flatMap(([name, file]) => publicCalls(name, file)).filter(
    (name) => !ALWAYS_REFUSED.includes(name),
  );

  it('is found', () => {
    expect(found.length).toBeGreaterThan(60);
  });

  it('has its arguments in promises-walk/calls.mjs', () => {
    expect(listed.calls.map(([name]) => name).sort()).toEqual([...new Set(found)].sort());
  });
});

describe('a promise that is dropped when the peer vanishes', () => {
  const walks = listed.calls.flatMap(([name, styles]) => styles.map((style) => [name, style] as const));

  it.concurrent.each(walks)('lets the process live: %s, %s', async (name, style) => {
    const { code, out, err } = await run('walk', name, style);
    expect(err).toBe('');
    expect(code).toBe(0);
    const lines = out.trim().split('\n');
    expect(lines.at(-1)).toBe('done');
    expect(lines).toHaveLength(4);
    // Awaited after all, it says how it has ended.
    for (const line of lines.slice(0, 3))
      expect(line).toMatch(/: (resolved|rejected NNRP_ERR_\w+|threw NNRP_ERR_\w+|no promise)$/);
  });
});

describe('a promise of a mistake that is dropped', () => {
  it.concurrent.each(listed.mistakes)('ends the process: %s', async (name) => {
    const { code, out, err } = await run('mistake', name);
    expect(out).not.toContain('done');
    expect(code).not.toBe(0);
    expect(err).toMatch(/UsageError|WireError/);
  });
});

describe('a listener that fails', () => {
  class FailingListener implements FramedListener {
    readonly kind = 'memory';
    readonly address = 'memory';
    fail: (error: unknown) => void = () => {};

    accept(): Promise<FramedTransport> {
      return new Promise((_, reject) => {
        this.fail = reject;
      });
    }

    close(): Promise<void> {
      return Promise.resolve();
    }
  }

  it.each(['serve', 'accept', 'the iterator'] as const)(
    'rejects %s for those who await it, and nobody else',
    async (call) => {
      const listener = new FailingListener();
      const server = NnrpServer.fromListener(listener);
      const reported: unknown[] = [];
      server.on('listenerFailed', (error) => reported.push(error));
      const ask = (): Promise<unknown> => {
        if (call === 'serve') return server.serve({ submit: () => '' });
        return call === 'accept' ? server.accept() : server[Symbol.asyncIterator]().next();
      };
      const promise = ask();
      listener.fail(new Error('the network is gone'));
      // An unhandled rejection would fail the run of this file.
      await new Promise((resolve) => setTimeout(resolve, 20));
      await expect(promise).rejects.toBeInstanceOf(TransportError);
      expect(reported).toHaveLength(1);
      await server.close();
    },
  );
});
