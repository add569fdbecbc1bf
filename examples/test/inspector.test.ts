import { once } from 'node:events';
import { mkdirSync, readFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { createAdmin } from 'nnrp-admin';
import { HandlerError, NnrpClient, type NnrpClientSession, NnrpServer, type NnrpServerOptions } from 'nnrp-runtime';
import { bindWebSocket, connectWebSocket } from 'nnrp-transport-websocket';
import { type Browser, type Page, chromium as playwright } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { requireFreshBuilds } from '../../tools/fresh-build.mjs';
import { chromium } from '../web/browser.js';
import { ROOT } from './pages.js';

/*
 * The inspector page of nnrp-admin in Chromium. Without Chromium these tests are left out, unless NNRP_REQUIRE_BROWSER is 1.
 */

const path = chromium();
if (path === undefined) console.warn('no Chromium: the tests of the inspector are skipped (CHROMIUM=/path/to/it)');
requireFreshBuilds(
  'packages/nnrp-core',
  'packages/nnrp-runtime',
  'packages/nnrp-transport-websocket',
  'packages/nnrp-admin',
);

const TOKEN = 'a-token-of-some-length';
const HOSTILE = '<img src=x onerror="document.body.dataset.hit=1">\u001b[2J';
const FLAGS = ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking', '--disable-sync'];
const SESSIONS = 10_000;

const ends: (() => unknown)[] = [];
let browser: Browser;

async function serve(options: NnrpServerOptions = {}): Promise<NnrpServer> {
  const server = await bindWebSocket('127.0.0.1:0', { identify: () => ({ subject: HOSTILE }) }, options);
  ends.push(() => server.close({ drainTimeoutMs: 0 }));
  server.on('handlerFailure', () => {});
  void server.serve({
    submit: async (operation) => {
      const text = operation.text();
      if (text === 'wait') return void (await operation.finished);
      if (text === 'fail') throw new HandlerError('FAILED', HOSTILE);
      return text;
    },
  });
  return server;
}

async function inspect(server: NnrpServer, token?: string): Promise<{ page: Page; address: string }> {
  const admin = createAdmin(server, { token });
  ends.push(() => admin.close());
  const address = await admin.listen('127.0.0.1:0');
  const page = await browser.newPage({ viewport: { width: 1400, height: 1100 } });
  ends.push(() => page.close());
  await page.goto(`http://${address}/`);
  return { page, address };
}

async function opened(server: NnrpServer, count: number): Promise<NnrpClientSession[]> {
  const client = await connectWebSocket(server.localAddress, {}, { reconnect: 'never' });
  ends.push(() => client.close());
  return Promise.all(Array.from({ length: count }, () => client.openSession()));
}

function lineSays(page: Page, state: string): Promise<void> {
  return page.locator(`#line[data-state="${state}"]`).waitFor();
}

/** Until it was drawn from facts that are asked for from now on. */
async function refreshed(page: Page): Promise<void> {
  const before = await page.evaluate(() => Number(document.body.dataset['refreshed'] ?? 0));
  await page.waitForFunction((least) => Number(document.body.dataset['refreshed'] ?? 0) > least, before + 1);
}

function tile(page: Page, name: string): Promise<string | null> {
  return page.locator(`.tile[data-name="${name}"] b`).textContent();
}

describe.skipIf(path === undefined)('the inspector', { timeout: 120_000 }, () => {
  beforeAll(async () => {
    browser = await playwright.launch({ executablePath: path as string, args: FLAGS });
  });
  afterAll(() => browser?.close());
  afterEach(async () => {
    for (const end of ends.splice(0).reverse()) await end();
  });

  it('shows 50 sessions under load, and nothing that peers send does anything', async () => {
    const server = await serve();
    const { page } = await inspect(server);
    const errors: string[] = [];
    page.on('pageerror', (error) => errors.push(error.message));
    await lineSays(page, 'connected');
    const sessions = (await Promise.all(Array.from({ length: 10 }, () => opened(server, 5)))).flat();
    let busy = true;
    const load = sessions.map(async (session, index) => {
      while (busy) {
        await session.request('work').catch(() => {});
        if (index % 10 === 0) await session.request('fail').catch(() => {});
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    });
    for (let count = 0; count < 8; count++) await refreshed(page);
    mkdirSync(join(ROOT, '.reports'), { recursive: true });
    await page.screenshot({ path: join(ROOT, '.reports', 'inspector-light.png'), fullPage: true });
    busy = false;
    await Promise.all(load);
    for (const session of sessions.slice(0, 7)) void session.request('wait').catch(() => {});
    await refreshed(page);
    const { operations, completedOperations, drops } = server.counters();
    expect(await tile(page, 'sessions')).toBe(`${server.stats().sessions.value}`);
    expect(await page.locator('#sessions tbody tr').count()).toBe(50);
    expect(await tile(page, 'operations')).toBe(operations.toLocaleString('en'));
    expect(await tile(page, 'completed')).toBe(completedOperations.toLocaleString('en'));
    expect(await tile(page, 'dropped')).toBe((drops.handler_error ?? 0).toLocaleString('en'));
    await page.click('th button[data-sort="inFlight"]');
    await refreshed(page);
    const inFlight = await page.locator('#sessions tbody tr td:nth-child(8)').allInnerTexts();
    expect(inFlight.slice(0, 8)).toEqual(['1', '1', '1', '1', '1', '1', '1', '0']);
    expect(await page.locator('#sessions tbody tr td:nth-child(3)').first().textContent()).toContain('<img src=x');
    expect(await page.locator('#errors').textContent()).toContain('handler_error');
    expect(await page.locator('main img').count()).toBe(0);
    expect(await page.evaluate(() => document.body.dataset['hit'])).toBeUndefined();
    await page.locator('#sessions tbody tr').first().click();
    await page.locator('#operations tbody tr').waitFor();
    await page.emulateMedia({ colorScheme: 'dark' });
    await refreshed(page);
    await page.screenshot({ path: join(ROOT, '.reports', 'inspector-dark.png'), fullPage: true });
    expect(errors).toEqual([]);
  });

  it('traces a session with the names of the wire, gives the trace, and ends the session', async () => {
    const server = await serve();
    const [session, other] = await opened(server, 2);
    const { page } = await inspect(server);
    await page.locator('#sessions tbody tr').first().click();
    await page.click('#trace');
    await refreshed(page);
    await other?.request('of another session');
    await session?.request('a secret payload');
    await page.locator('#packets tbody tr', { hasText: 'RESULT_PUSH' }).waitFor();
    const text = await page.locator('#packets tbody').textContent();
    expect(text).toMatch(/receivedFRAME_SUBMIT.*\w+=/);
    await page.screenshot({ path: join(ROOT, '.reports', 'inspector-trace.png'), fullPage: true });
    const [download] = await Promise.all([page.waitForEvent('download'), page.click('#download')]);
    const lines = readFileSync(await download.path(), 'utf8')
      .trim()
      .split('\n');
    const ids = lines.map((line) => JSON.parse(line).header.session_id);
    expect(new Set(ids)).toEqual(new Set([session?.sessionId]));
    expect(lines.join('')).not.toContain('secret payload');
    const waiting = session?.request('wait').catch((error: unknown) => error);
    await page.click('#end');
    expect(await waiting).toMatchObject({ code: 'ENDED_BY_OPERATOR' });
    await expect.poll(() => server.sessionCount).toBe(1);
    expect(await other?.request('still here').then((result) => result.text())).toBe('still here');
  });

  it('asks for the token, and takes no other', async () => {
    const server = await serve();
    const { page, address } = await inspect(server, TOKEN);
    await page.fill('#token', 'another-token-of-some-length');
    await page.click('#login button');
    await page.locator('#refused', { hasText: 'not the token' }).waitFor();
    expect(await page.locator('#main').isVisible()).toBe(false);
    await page.fill('#token', TOKEN);
    await page.click('#login button');
    await lineSays(page, 'connected');
    for (const data of ['status', 'sessions']) expect((await fetch(`http://${address}/${data}`)).status).toBe(401);
    const { headers } = await fetch(`http://${address}/`);
    expect(headers.get('content-security-policy')).toContain("default-src 'none'");
  });

  it('refuses pages of other hosts, and connections by a name that was pointed here', async () => {
    const { address } = await inspect(await serve());
    for (const headers of [{ host: 'attacker.example' }, { host: address, origin: 'http://attacker.example' }]) {
      const upgrade = { connection: 'Upgrade', upgrade: 'websocket', 'sec-websocket-version': '13' };
      const key = { 'sec-websocket-key': Buffer.alloc(16).toString('base64') };
      const asked = request(`http://${address}/inspect`, { headers: { ...upgrade, ...key, ...headers } }).end();
      const [response] = await once(asked, 'response');
      expect([401, 403]).toContain(response.statusCode);
    }
  });

  it('shows one page of 10,000 sessions, sorted by the server', async () => {
    const server = await NnrpServer.bindTcp('127.0.0.1:0', { maxSessionsPerConnection: SESSIONS });
    ends.push(() => server.close({ drainTimeoutMs: 0 }));
    void server.serve({ submit: (operation) => operation.finished });
    const client = await NnrpClient.connectTcp(server.localAddress, { reconnect: 'never' });
    ends.push(() => client.close());
    for (let count = 0; count < SESSIONS; count += 100)
      await Promise.all(Array.from({ length: 100 }, () => client.openSession()));
    const { page } = await inspect(server);
    await page.click('th button[data-sort="sessionId"]');
    await refreshed(page);
    expect(await page.locator('#range').textContent()).toBe('1–50 of 10000');
    expect(await page.locator('#sessions tbody tr').count()).toBe(50);
    expect(await page.locator('#sessions tbody tr').first().getAttribute('data-session')).toBe('10000');
    const { refreshMs } = await page.evaluate(() => ({ ...document.body.dataset }));
    console.log(`a refresh with 10,000 sessions: ${refreshMs} ms`);
  });
});
