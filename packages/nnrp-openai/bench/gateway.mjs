// Time to the first token, total time, and how fast a cancel gets there: direct, and through the gateway. See README.md.
import { fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';
import OpenAI from 'openai';

const FIRST_MS = 50;
const TOKEN_MS = 10;
const TOKENS = 100;
const ROUNDS = Number(process.argv[2] ?? 40);
const STREAMS = 200;
const COMMAND = fileURLToPath(new URL('../../nnrp-cli/bin/nnrp.cjs', import.meta.url));
const REQUEST = { model: 'm', messages: [{ role: 'user', content: 'hello' }], stream: true };

if (process.argv[2] === 'model') model();
else await measure();

/** Sends a token every few milliseconds, and says when a request was ended by the other side. */
function model() {
  const server = createServer((request, response) => {
    let timer;
    response.on('close', () => {
      clearTimeout(timer);
      if (!response.writableFinished) process.send({ abortedMs: performance.timeOrigin + performance.now() });
    });
    request.resume().on('end', () => {
      let sent = 0;
      const startedMs = performance.now();
      const next = () => {
        if (sent === 0) response.writeHead(200, { 'content-type': 'text/event-stream' });
        const isLast = sent === TOKENS;
        const choice = {
          index: 0,
          delta: isLast ? {} : { content: `token${sent} ` },
          logprobs: null,
          finish_reason: isLast ? 'stop' : null,
        };
        const chunk = { id: 'c', object: 'chat.completion.chunk', created: 1, model: 'm', choices: [choice] };
        response.write(`data: ${JSON.stringify(chunk)}\n\n`);
        if (isLast) return response.end('data: [DONE]\n\n');
        sent++;
        // By the clock, so that late timers do not add up.
        timer = setTimeout(next, startedMs + FIRST_MS + sent * TOKEN_MS - performance.now());
      };
      timer = setTimeout(next, FIRST_MS);
    });
  });
  server.listen(0, '127.0.0.1', () => process.send({ baseURL: `http://127.0.0.1:${server.address().port}/v1` }));
}

async function measure() {
  const upstream = fork(fileURLToPath(import.meta.url), ['model']);
  const [{ baseURL }] = await once(upstream, 'message');
  const gateway = await command([
    'gateway',
    '--upstream',
    baseURL,
    '--listen',
    '127.0.0.1:0',
    '--max-connections',
    '512',
  ]);
  const front = await command(['openai', '--to', gateway.address, '--listen', '127.0.0.1:0']);
  const clients = { direct: clientOf(baseURL), through: clientOf(front.address) };
  const times = { direct: [], through: [] };
  for (let round = -3; round < ROUNDS; round++) {
    for (const [name, client] of Object.entries(clients)) {
      const time = await ask(client);
      if (round >= 0) times[name].push(time);
    }
  }
  for (const what of ['firstMs', 'totalMs']) {
    const values = [times.direct, times.through].map((list) => list.map((time) => time[what]));
    const [direct, through] = values.map(median);
    const [least, leastThrough] = values.map((list) => Math.min(...list));
    const more = through - direct;
    console.log(
      `${what}: direct ${direct.toFixed(2)}, through ${through.toFixed(2)}: ${more.toFixed(2)} ms, ${((more / direct) * 100).toFixed(2)} % more; least ${least.toFixed(2)} and ${leastThrough.toFixed(2)}`,
    );
  }
  const cancels = [];
  for (let round = 0; round < ROUNDS; round++) cancels.push(await cancel(clients.through, upstream));
  console.log(
    `cancel seen by the model server after ms: median ${median(cancels).toFixed(2)}, most ${Math.max(...cancels).toFixed(2)}`,
  );
  for (const [name, client] of Object.entries(clients)) {
    const startedMs = performance.now();
    const all = await Promise.all(Array.from({ length: STREAMS }, () => ask(client)));
    const whole = all.every(({ text }) => text === all[0].text);
    console.log(
      `${STREAMS} streams at once, ${name}: first token median ${median(all.map(({ firstMs }) => firstMs)).toFixed(1)} ms, all done after ${(performance.now() - startedMs).toFixed(0)} ms, ${whole ? 'all whole' : 'NOT ALL WHOLE'}`,
    );
  }
  front.child.kill();
  gateway.child.kill();
  upstream.kill();
}

async function command(args) {
  const child = spawn(process.execPath, [COMMAND, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = await once(child.stdout, 'data');
  return { child, address: /^listening \w+ (\S+)/.exec(String(line))[1] };
}

function clientOf(baseURL) {
  return new OpenAI({ baseURL, apiKey: 'key', maxRetries: 0 });
}

async function ask(client) {
  const startedMs = performance.now();
  let firstMs;
  let text = '';
  for await (const { choices } of await client.chat.completions.create(REQUEST)) {
    firstMs ??= performance.now() - startedMs;
    text += choices[0]?.delta.content ?? '';
  }
  return { firstMs, totalMs: performance.now() - startedMs, text };
}

async function cancel(client, upstream) {
  const seen = once(upstream, 'message');
  let leftMs;
  for await (const _ of await client.chat.completions.create(REQUEST)) {
    leftMs = performance.timeOrigin + performance.now();
    break;
  }
  const [{ abortedMs }] = await seen;
  return abortedMs - leftMs;
}

function median(values) {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
}
