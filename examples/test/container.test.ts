import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isNnrpError, NnrpClient } from 'nnrp-runtime';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { requireFreshBuilds } from '../../tools/fresh-build.mjs';
import { ROOT } from './pages.js';

/*
 * No container runs here: the files are read, and what they run is run.
 */

const FOLDER = join(ROOT, 'examples/container');
const NNRP = join(ROOT, 'packages/nnrp-cli/bin/nnrp.cjs');
const folder = mkdtempSync(join(tmpdir(), 'nnrp-container-'));
const socket = `unix:${join(folder, 'serve.sock')}`;
const children = new Set<ChildProcess>();
afterEach(() => {
  for (const child of children) child.kill('SIGKILL');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Probe {
  readonly exec: { readonly command: string[] };
  readonly periodSeconds: number;
  readonly timeoutSeconds: number;
}

interface Pod {
  readonly terminationGracePeriodSeconds: number;
  readonly securityContext: Record<string, unknown>;
  readonly containers: readonly (Record<'startupProbe' | 'readinessProbe' | 'livenessProbe', Probe> & {
    readonly ports: readonly { name: string; containerPort: number }[];
    readonly securityContext: Record<string, unknown>;
    readonly lifecycle: { readonly preStop: { readonly exec: { readonly command: string[] } } };
    readonly volumeMounts: readonly { name: string; mountPath: string }[];
  })[];
  readonly volumes: readonly { name: string }[];
}

const text = (name: string) => readFileSync(join(FOLDER, name), 'utf8');
const serveJson = JSON.parse(text('serve.json')) as { listeners: string[]; drain_timeout_ms: number; module: string };
// Anchors are used: the parser resolves them, as that of Kubernetes does.
const documents = parseAllDocuments(text('kubernetes.yaml'));
const [deployment, service, budget] = documents.map((document) => document.toJS()) as [
  { kind: string; spec: { selector: { matchLabels: object }; template: { metadata: { labels: object }; spec: Pod } } },
  { kind: string; spec: { selector: object; ports: readonly { port: number; targetPort: string }[] } },
  { kind: string; spec: { selector: { matchLabels: object } } },
];
const pod = deployment.spec.template.spec;
const [container] = pod.containers as [Pod['containers'][0]];
/** Instructions of the Dockerfile, with lines that go on joined. */
const instructions = text('Dockerfile')
  .replaceAll(/\\\n\s*/g, '')
  .split('\n')
  .filter((line) => line !== '' && !line.startsWith('#'));

/** What a command of the container is here. */
function here(command: readonly string[]): string[] {
  return command.slice(1).map((part) => {
    if (part === 'node_modules/nnrp-cli/bin/nnrp.cjs') return NNRP;
    return part === 'unix:/run/nnrp/serve.sock' ? socket : part;
  });
}

function run(args: readonly string[]): ChildProcess {
  requireFreshBuilds('packages/nnrp-core', 'packages/nnrp-runtime', 'packages/nnrp-cli');
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  children.add(child);
  child.once('exit', () => children.delete(child));
  return child;
}

async function exitCode(args: readonly string[]): Promise<unknown> {
  const [code] = await once(run(args), 'exit');
  return code;
}

function arrayOf(name: string): string[] {
  const line = instructions.find((instruction) => instruction.startsWith(`${name} `)) ?? '';
  return JSON.parse(line.slice(line.indexOf('['))) as string[];
}

describe('the example of a container', () => {
  it('has a Dockerfile that is pinned, small, not root, and in which signals reach Node', () => {
    const bases = instructions.filter((line) => line.startsWith('FROM '));
    expect(bases.every((line) => /^FROM node:\d+-alpine(?: AS packages)?$/.test(line))).toBe(true);
    expect(instructions).toContain('USER 1000:1000');
    expect(instructions.indexOf('USER 1000:1000')).toBeGreaterThan(
      instructions.findLastIndex((line) => line.startsWith('RUN ')),
    );
    for (const name of ['HEALTHCHECK', 'ENTRYPOINT', 'CMD']) expect(arrayOf(name).length).toBeGreaterThan(0);
    expect(instructions.some((line) => /^ADD |:latest|sudo|curl/.test(line))).toBe(false);
    const copied = instructions
      .filter((line) => /^COPY [^-]/.test(line))
      .flatMap((line) => line.split(' ').slice(1, -1));
    // The user's own; the README says how they are made.
    const own = ['package.json', 'package-lock.json'];
    for (const name of copied) {
      expect(own.includes(name) || existsSync(join(FOLDER, name)), name).toBe(true);
      expect(text('.dockerignore')).toContain(`!${name}\n`);
    }
    expect(instructions).toContain(`EXPOSE ${new URL(serveJson.listeners[0]!).port}`);
  });

  it('has manifests without a fault of YAML, whose parts name each other', () => {
    for (const { errors, warnings } of documents) expect([errors, warnings]).toEqual([[], []]);
    expect([deployment.kind, service.kind, budget.kind]).toEqual(['Deployment', 'Service', 'PodDisruptionBudget']);
    const { labels } = deployment.spec.template.metadata;
    for (const selector of [
      deployment.spec.selector.matchLabels,
      service.spec.selector,
      budget.spec.selector.matchLabels,
    ])
      expect(labels).toMatchObject(selector);
    const [port] = container.ports;
    expect(service.spec.ports[0]?.targetPort).toBe(port?.name);
    expect(String(port?.containerPort)).toBe(new URL(serveJson.listeners[0]!).port);
    expect(container.volumeMounts.map(({ name }) => name)).toEqual(pod.volumes.map(({ name }) => name));
    expect(serveJson.listeners[1]).toBe(`unix:${container.volumeMounts[0]?.mountPath}/serve.sock`);
    expect(pod.securityContext).toMatchObject({ runAsNonRoot: true, runAsUser: 1000 });
    expect(container.securityContext).toMatchObject({ readOnlyRootFilesystem: true, allowPrivilegeEscalation: false });
  });

  it('gives a drain its time within the grace period, and a probe its own', () => {
    const preStopMs = Number(container.lifecycle.preStop.exec.command[1]) * 1000;
    expect(pod.terminationGracePeriodSeconds * 1000).toBeGreaterThanOrEqual(
      preStopMs + serveJson.drain_timeout_ms + 10_000,
    );
    const health = arrayOf('HEALTHCHECK');
    for (const { exec, timeoutSeconds } of [
      container.startupProbe,
      container.readinessProbe,
      container.livenessProbe,
    ]) {
      expect(exec.command).toEqual(health);
      // By itself a probe gives up after 2 seconds.
      expect(exec.command).toContain('--probe');
      expect(timeoutSeconds).toBeGreaterThan(2);
    }
  });

  it('serves, answers its probe, and at SIGTERM lets a stream finish while the probe says no', async () => {
    const probe = here(container.readinessProbe.exec.command);
    expect(await exitCode(probe)).toBe(1);
    // As it is, but for where it listens; a slow stream stands in for the model.
    const module = join(folder, 'handlers.mjs');
    const config = join(folder, 'serve.json');
    writeFileSync(
      module,
      `import handler from ${JSON.stringify(join(FOLDER, serveJson.module))};
export default async function* (operation) {
  for await (const word of handler(operation)) {
    yield word;
    if (word === 'wait ') await new Promise((resolve) => process.once('SIGUSR2', resolve));
  }
}`,
    );
    writeFileSync(
      config,
      JSON.stringify({ ...serveJson, $schema: '', module, listeners: ['nnrp://127.0.0.1:0', socket] }),
    );
    const server = run(here(['node', ...arrayOf('ENTRYPOINT').slice(1), 'serve', '--config', config]));
    let lines = '';
    while (!lines.includes('listening ipc ')) lines += String((await once(server.stdout!, 'data'))[0]);
    expect(lines).toMatch(/^listening tcp 127\.0\.0\.1:\d+\n/);
    expect(await exitCode(probe)).toBe(0);
    const client = await NnrpClient.connectIpc(socket.slice('unix:'.length));
    const session = await client.openSession();
    const words = (await session.submit('please wait for me')).text();
    expect((await words.next()).value).toBe('please ');
    expect((await words.next()).value).toBe('wait ');
    const ended = once(server, 'exit');
    server.kill('SIGTERM');
    while ((await exitCode(probe)) === 0);
    const late = await session.submit('too late').then(
      (operation) => operation,
      (error: unknown) => error,
    );
    if (!isNnrpError(late)) throw new Error('a submit was taken while the server shuts down');
    expect([late.code, late.isRetryable]).toEqual(['NNRP_ERR_SERVER_SHUTDOWN', true]);
    server.kill('SIGUSR2');
    let rest = '';
    for await (const word of words) rest += word;
    expect(rest).toBe('for me ');
    expect(await ended).toEqual([0, null]);
    await client.close();
  });
});
