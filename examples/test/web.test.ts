import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as passing } from 'node:timers/promises';
import { type Browser, type Page, chromium as playwright } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { requireFreshBuilds } from '../../tools/fresh-build.mjs';
import { chromium, Network, PageServer } from '../web/browser.js';
import { ROOT } from './pages.js';

/*
 * The page of `npm run demo -- --web` in Chromium. Without Chromium these tests are left out, unless NNRP_REQUIRE_BROWSER is 1.
 */

const path = chromium();
if (path === undefined) console.warn('no Chromium: the tests of the web page are skipped (CHROMIUM=/path/to/it)');
requireFreshBuilds('packages/nnrp-core', 'packages/nnrp-runtime', 'packages/nnrp-transport-websocket');

/** None of them looks anything up outside. */
const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];
const OFF_MS = 5000;
/** What all the buffers between a server and a page that takes nothing may hold, far below what is sent. */
const MAX_GROWTH_BYTES = 64 * 1024 * 1024;

let browser: Browser;
let server: PageServer;
let network: Network;

function numbers(count: number): string {
  return Array.from({ length: count }, (_, index) => `${index + 1} `).join('');
}

async function open(): Promise<Page> {
  const page = await browser.newPage();
  await page.goto(network.url);
  await lineSays(page, 'connected');
  return page;
}

async function ask(page: Page, prompt: string): Promise<void> {
  await page.fill('#prompt', prompt);
  await page.click('#send');
}

function lineSays(page: Page, state: string): Promise<void> {
  return page.locator(`#line[data-state="${state}"]`).waitFor({ timeout: 30_000 });
}

function answer(page: Page): Promise<string> {
  const last = page.locator('.answer').last();
  return last.evaluate((item) => item.textContent ?? '');
}

/** The last answer, when it is over. */
async function wholeAnswer(page: Page): Promise<string> {
  await page.locator('.answer').last().and(page.locator('[data-state="done"]')).waitFor({ timeout: 60_000 });
  return answer(page);
}

/** Until so many characters of the last answer are there. */
async function streamed(page: Page, characters: number): Promise<void> {
  await page.waitForFunction(
    (least) => ([...document.querySelectorAll('.answer')].at(-1)?.textContent?.length ?? 0) >= least,
    characters,
    { timeout: 30_000 },
  );
}

describe.skipIf(path === undefined)('the page in Chromium', { timeout: 120_000 }, () => {
  beforeAll(async () => {
    browser = await playwright.launch({ executablePath: path as string, args: FLAGS });
  });
  afterAll(() => browser?.close());
  beforeEach(async () => {
    server = await PageServer.start();
    network = await Network.before(server.port);
  });
  afterEach(async () => {
    for (const context of browser.contexts()) await context.close();
    network.close();
    expect(await server.stop()).toBe(0);
  });

  it('shows 1,000 tokens as they come', async () => {
    const page = await open();
    await ask(page, '1000 tokens');
    await streamed(page, 1000);
    // Still streaming: they come one by one.
    expect(await page.locator('.answer[data-state="streaming"]').count()).toBe(1);
    expect(await wholeAnswer(page)).toBe(numbers(1000));
    await ask(page, 'Wörter, 日本語 and 👩‍👩‍👧 come back');
    expect(await wholeAnswer(page)).toBe('Wörter, 日本語 and 👩‍👩‍👧 come back');
    mkdirSync(join(ROOT, '.reports'), { recursive: true });
    await page.screenshot({ path: join(ROOT, '.reports', 'web-page.png') });
  });

  it('stops the handler of the server', async () => {
    const page = await open();
    await ask(page, '100000 tokens');
    await streamed(page, 100);
    await page.click('#stop');
    await wholeAnswer(page);
    await expect.poll(() => server.printed).toEqual([expect.stringMatching(/^frame 1 stopped: NNRP_ERR_CANCELLED/)]);
    const shown = await answer(page);
    expect(await page.locator('.answer').last().getAttribute('data-note')).toBe('stopped');
    await ask(page, 'and now this');
    expect(await wholeAnswer(page)).toBe('and now this');
    expect(numbers(100_000).startsWith(shown)).toBe(true);
  });

  it('loses nothing, and shows nothing twice, when the network is off for five seconds', async () => {
    const page = await open();
    await ask(page, '1500 tokens');
    await streamed(page, 500);
    await page.context().setOffline(true);
    network.off();
    await lineSays(page, 'away');
    await passing(OFF_MS);
    const before = await answer(page);
    network.on();
    await page.context().setOffline(false);
    await lineSays(page, 'resumed');
    expect(await wholeAnswer(page)).toBe(numbers(1500));
    expect(before.length).toBeLessThan(numbers(1500).length);
  });

  it('goes on with the answer after a reload', async () => {
    const page = await open();
    await ask(page, '1000 tokens');
    await streamed(page, 300);
    await page.reload();
    await lineSays(page, 'resumed');
    await streamed(page, 1000);
    await page.reload();
    await lineSays(page, 'resumed');
    expect(await wholeAnswer(page)).toBe(numbers(1000));
    expect(await page.locator('.asked').allInnerTexts()).toEqual(['1000 tokens']);
    expect(server.printed).toEqual([]);
    await ask(page, 'another one');
    expect(await wholeAnswer(page)).toBe('another one');
  });

  it('is refused when it is of another origin', async () => {
    const target = `${network.url.replace('http', 'ws')}nnrp`;
    const foreign = createServer((_, response) => response.setHeader('content-type', 'text/html').end('<p>foreign'));
    foreign.listen(0, '127.0.0.1');
    await once(foreign, 'listening');
    const tryFrom = async (url: string) => {
      const page = await browser.newPage();
      await page.goto(url);
      return page.evaluate((to) => {
        const socket = new WebSocket(to, ['nnrp.1']);
        return new Promise<string>((resolve) => {
          socket.onopen = () => resolve('open');
          socket.onclose = ({ code }) => resolve(`closed ${code}`);
        });
      }, target);
    };
    expect(await tryFrom(`http://127.0.0.1:${(foreign.address() as AddressInfo).port}/`)).toBe('closed 1006');
    expect(await tryFrom(network.url)).toBe('open');
    foreign.closeAllConnections();
    foreign.close();
  });

  it('does not make the server grow when it takes nothing', async () => {
    const page = await open();
    // 100 MB a second, if nothing held it back.
    await ask(page, '50000 tokens of 100000 bytes every 0 ms');
    await streamed(page, 100_000);
    const before = server.residentBytes;
    let most = before;
    const blocked = page.evaluate(() => {
      const endMs = performance.now() + 6000;
      while (performance.now() < endMs);
    });
    const watching = setInterval(() => {
      most = Math.max(most, server.residentBytes);
    }, 50);
    await blocked;
    clearInterval(watching);
    // Not by the mouse, which waits for the page to be drawn.
    await page.evaluate(() => document.getElementById('stop')?.click());
    expect(most - before).toBeLessThan(MAX_GROWTH_BYTES);
    await wholeAnswer(page);
    await expect.poll(() => server.printed.length).toBe(1);
  });

  it('is open in 20 tabs at once', async () => {
    const context = await browser.newContext();
    const pages = await Promise.all(
      Array.from({ length: 20 }, async () => {
        const page = await context.newPage();
        await page.goto(network.url);
        await lineSays(page, 'connected');
        return page;
      }),
    );
    const answers = await Promise.all(
      pages.map(async (page, index) => {
        await ask(page, `${100 + index} tokens`);
        return wholeAnswer(page);
      }),
    );
    expect(answers).toEqual(pages.map((_, index) => numbers(100 + index)));
  });
});
