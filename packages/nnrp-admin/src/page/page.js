import { NnrpClient } from 'nnrp-runtime/client';
import 'nnrp-transport-websocket/browser';
import { plot } from './plot.js';
import { bytes, clock, duration, fill, quantile, rowOf, short, write } from './text.js';

/*
 * The inspector: one session, on which each submit is a question. It asks again a second after each answer.
 */

const EVERY_MS = 1000;
const RETRY_MS = 2000;
const MINUTES = 5;
const PAGE = 50;
/** Packets that are shown, and that are kept for the download. */
const SHOWN_PACKETS = 200;
const KEPT_PACKETS = 10_000;
const SHOWN_ERRORS = 100;
const at = (id) => document.getElementById(id);
const COLUMNS = [
  ['Session', 'sessionId', ({ sessionId }) => `${sessionId}`],
  ['Address', undefined, ({ remoteAddress }) => remoteAddress],
  ['Identity', undefined, ({ identity }) => identityText(identity)],
  ['Transport', undefined, ({ transport, revision }) => `${transport}, ${revision}`],
  ['State', undefined, ({ state, isSuspended }) => (isSuspended ? 'suspended' : String(state).toLowerCase())],
  ['Age', 'ageMs', ({ ageMs }) => duration(ageMs)],
  ['Round trip', 'roundTripMs', ({ roundTripMs }) => duration(roundTripMs)],
  ['In flight', 'inFlight', ({ inFlight }) => short(inFlight)],
  ['Credit', undefined, creditText],
  ['Queued', 'queuedSubmits', ({ queuedSubmits }) => short(queuedSubmits)],
  ['Queued bytes', 'queuedBytes', ({ queuedBytes }) => bytes(queuedBytes)],
  [
    'Held results',
    'heldResults',
    ({ heldResults, resultsPaused }) => `${short(heldResults)}${resultsPaused ? ' (paused)' : ''}`,
  ],
  ['Outbox', 'outboxBytes', ({ outboxBytes }) => bytes(outboxBytes)],
  ['Operations', 'operations', ({ operations }) => short(operations)],
  ['Drops', 'drops', ({ drops }) => short(drops)],
];

let client;
let session;
let before;
let chosen;
let tracing;
let lastError = 0;
let query = { sort: 'sessionId', descending: false, suspendedOnly: false, offset: 0, limit: PAGE };
/** The sessions in the rows of the table. */
let shown = [];
const samples = [];
const errors = [];
let packets = [];

makeHeads();
at('login').addEventListener('submit', (event) => {
  event.preventDefault();
  at('login').hidden = true;
  void connect(at('token').value);
});
at('suspended').addEventListener('change', ({ target }) => look({ suspendedOnly: target.checked, offset: 0 }));
at('before').addEventListener('click', () => look({ offset: Math.max(0, query.offset - PAGE) }));
at('after').addEventListener('click', () => look({ offset: query.offset + PAGE }));
at('sessions').tBodies[0].addEventListener('click', ({ target }) => {
  const stats = shown[target.closest('tr')?.sectionRowIndex];
  if (stats !== undefined) choose(stats);
});
at('end').addEventListener('click', () => act(() => ask({ ask: 'end', session: chosen?.sessionId })));
at('trace').addEventListener('click', () => (tracing === undefined ? act(trace) : stopTracing()));
at('download').addEventListener('click', download);
await connect('');

async function connect(token) {
  show('connecting');
  try {
    client = await NnrpClient.connect(new URL('inspect', location.href.replace(/^http/, 'ws')).href, {
      reconnect: 'never',
    });
    session = await client.openSession({ auth: new TextEncoder().encode(token) });
  } catch (error) {
    await client?.close().catch(() => {});
    // Without a connection the server is away; with one it wants a token.
    if (client === undefined) return later(token);
    client = undefined;
    at('refused').textContent = token === '' ? '' : 'This is not the token.';
    at('login').hidden = false;
    at('main').hidden = true;
    show('needs a token');
    return console.debug(error.code);
  }
  at('main').hidden = false;
  show('connected');
  before = undefined;
  try {
    for (;;) {
      await refresh();
      await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
    }
  } catch {
    client = undefined;
    later(token);
  }
}

function later(token) {
  show('away');
  setTimeout(() => void connect(token), RETRY_MS);
}

function show(state) {
  at('line').dataset.state = state;
  at('line').textContent = state;
}

async function ask(question) {
  return JSON.parse((await session.request(JSON.stringify(question))).text());
}

/** What an operator wants now. When it fails, it is said among the errors. */
async function act(wanted) {
  try {
    await wanted();
  } catch (error) {
    addErrors([{ atMs: Date.now(), what: 'refused', sessionId: chosen?.sessionId ?? 0, text: String(error.message) }]);
  }
}

async function look(change) {
  query = { ...query, ...change };
  await act(showSessions);
}

async function refresh() {
  const beganMs = performance.now();
  // Asked together: the answers come one behind the other, and one way there and back is waited for.
  const answers = [ask({ ask: 'overview', since: lastError }).then(showOverview), showSessions()];
  if (chosen !== undefined) answers.push(showChosen());
  await Promise.all(answers);
  document.body.dataset.refreshMs = (performance.now() - beganMs).toFixed(1);
  document.body.dataset.refreshed = String(Number(document.body.dataset.refreshed ?? 0) + 1);
}

function showOverview(overview) {
  const { counters, bounds, durations } = overview;
  const now = { atMs: performance.now(), counters, durations };
  if (before !== undefined) samples.push(sampleOf(now, before));
  before = now;
  while (samples.length > 0 && now.atMs - samples[0].atMs > MINUTES * 60_000) samples.shift();
  at('where').textContent = `${overview.addresses.join(', ')} · ${overview.state}`;
  const drops = Object.values(counters.drops).reduce((sum, count) => sum + count, 0);
  const last = samples.at(-1);
  const tiles = {
    sessions: short(overview.sessions),
    suspended: short(overview.suspended),
    connections: short(overview.connections),
    operations: short(counters.operations),
    completed: short(counters.completedOperations),
    dropped: short(drops),
    'median latency': duration(last?.median),
    received: bytes(counters.receivedBytes),
    sent: bytes(counters.sentBytes),
  };
  const drawn = at('tiles').children;
  Object.entries(tiles).forEach(([name, value], index) => {
    if (drawn[index] === undefined) at('tiles').append(tile([name, value]));
    else write(drawn[index].firstElementChild, value);
  });
  const minutes = Math.max(1, Math.ceil((now.atMs - (samples[0]?.atMs ?? now.atMs)) / 60_000));
  plot(at('rate'), samples, ['operations', 'drops'], short, minutes);
  plot(at('latency'), samples, ['median', 'most'], duration, minutes);
  plot(at('bytes'), samples, ['sent', 'received'], bytes, minutes);
  const rows = Object.entries(bounds).filter(([, { value, hits }]) => value > 0 || hits > 0);
  fill(
    at('bounds'),
    rows.map(([name, { scope, value, bound, hits }]) => [
      name,
      scope,
      short(value),
      bound === null ? '–' : short(bound),
      short(hits),
    ]),
  );
  addErrors(overview.errors);
}

function sampleOf(now, then) {
  const seconds = (now.atMs - then.atMs) / 1000;
  const rate = (name) => (now.counters[name] - then.counters[name]) / seconds;
  const sum = ({ counters }) => Object.values(counters.drops).reduce((all, count) => all + count, 0);
  return {
    atMs: now.atMs,
    operations: rate('operations'),
    drops: (sum(now) - sum(then)) / seconds,
    sent: rate('sentBytes'),
    received: rate('receivedBytes'),
    median: quantile(now.durations, then.durations, 0.5),
    most: quantile(now.durations, then.durations, 0.99),
  };
}

function tile([name, value]) {
  const item = document.createElement('div');
  item.className = 'tile';
  item.dataset.name = name;
  const figure = document.createElement('b');
  figure.textContent = value;
  const label = document.createElement('span');
  label.textContent = name;
  item.append(figure, label);
  return item;
}

async function showSessions() {
  const asked = query;
  const { total, rows } = await ask({ ask: 'sessions', ...asked });
  // Something else is wanted by now, and has been asked for.
  if (asked !== query) return;
  shown = rows;
  fill(
    at('sessions'),
    rows.map((stats) => COLUMNS.map(([, , text]) => text(stats))),
  );
  rows.forEach(({ sessionId }, index) => {
    const row = at('sessions').tBodies[0].rows[index];
    if (row.dataset.session !== String(sessionId)) row.dataset.session = sessionId;
    const isChosen = String(sessionId === chosen?.sessionId);
    if (row.ariaSelected !== isChosen) row.ariaSelected = isChosen;
  });
  const last = query.offset + rows.length;
  at('range').textContent = rows.length === 0 ? `none of ${total}` : `${query.offset + 1}–${last} of ${total}`;
  at('before').disabled = query.offset === 0;
  at('after').disabled = last >= total;
}

function makeHeads() {
  const row = at('sessions').tHead.rows[0];
  for (const [label, sort] of COLUMNS) {
    const head = document.createElement('th');
    row.append(head);
    if (sort === undefined) {
      head.textContent = label;
      continue;
    }
    const button = document.createElement('button');
    button.type = 'button';
    button.textContent = label;
    button.dataset.sort = sort;
    button.addEventListener('click', () => {
      for (const other of row.cells) other.removeAttribute('aria-sort');
      const descending = query.sort === sort ? !query.descending : true;
      head.setAttribute('aria-sort', descending ? 'descending' : 'ascending');
      void look({ sort, descending, offset: 0 });
    });
    head.append(button);
  }
}

function choose(stats) {
  if (stats.sessionId !== chosen?.sessionId) {
    stopTracing();
    packets = [];
    at('packets').tBodies[0].replaceChildren();
    at('traced').textContent = '';
    at('download').disabled = true;
  }
  chosen = stats;
  at('detail').hidden = false;
  at('chosen').textContent = `Session ${stats.sessionId} of ${stats.remoteAddress}`;
  at('identity').textContent =
    `${identityText(stats.identity)} · profile ${stats.profileId} · ${stats.receivedPackets} packets received`;
  void act(showChosen);
}

async function showChosen() {
  try {
    const operations = await ask({ ask: 'operations', session: chosen.sessionId });
    fill(
      at('operations'),
      operations.map(({ frameId, ageMs, bytes: size }) => [`${frameId}`, duration(ageMs), bytes(size)]),
    );
  } catch (error) {
    if (error.code !== 'NO_SESSION') throw error;
    at('chosen').textContent = `Session ${chosen.sessionId} is over`;
    fill(at('operations'), []);
    chosen = undefined;
  }
}

/** Operations that the client may have in flight, and whether it was asked to hold them back. */
function creditText({ operationCredit, backpressureLevel }) {
  const level = ['', 'soft', 'hard'][backpressureLevel] ?? String(backpressureLevel);
  return `${short(operationCredit)}${level === '' ? '' : ` (${level} pressure)`}`;
}

function identityText(identity) {
  if (identity === undefined) return '–';
  const { subject, subjectAltNames, authorized } = identity;
  return `${subject ?? subjectAltNames ?? 'a certificate'}${authorized ? '' : ' (not verified)'}`;
}

async function trace() {
  const operation = await session.submit(JSON.stringify({ ask: 'trace', session: chosen?.sessionId }));
  tracing = operation;
  at('trace').textContent = 'Stop tracing';
  let text = '';
  try {
    for await (const part of operation.text()) {
      text += part;
      const lines = text.split('\n');
      text = lines.pop();
      for (const line of lines) addPackets(JSON.parse(line));
    }
  } catch (error) {
    if (tracing === operation) throw error;
  } finally {
    if (tracing === operation) stopTracing();
  }
}

function stopTracing() {
  const operation = tracing;
  tracing = undefined;
  at('trace').textContent = 'Trace packets';
  operation?.cancel();
}

function addPackets({ packets: added, leftOut }) {
  packets = [...packets, ...added].slice(-KEPT_PACKETS);
  const rows = added.slice(-SHOWN_PACKETS).map(({ atMs, direction, type, bodyBytes, header, metadata }) => {
    const fields = Object.entries(metadata ?? header);
    const text = fields.map(([name, value]) => `${name}=${value}`).join(' ');
    return rowOf([clock(atMs), direction, type, bytes(bodyBytes), text]);
  });
  const body = at('packets').tBodies[0];
  body.prepend(...rows.reverse());
  while (body.rows.length > SHOWN_PACKETS) body.lastElementChild.remove();
  at('traced').textContent = `${packets.length} kept${leftOut > 0 ? `, ${leftOut} left out` : ''}`;
  at('download').disabled = false;
}

function download() {
  const text = packets.map((packet) => `${JSON.stringify(packet)}\n`).join('');
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([text], { type: 'application/x-ndjson' }));
  link.download = 'nnrp-trace.jsonl';
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

function addErrors(added) {
  lastError = added.at(-1)?.number ?? lastError;
  errors.push(...added);
  errors.splice(0, Math.max(0, errors.length - SHOWN_ERRORS));
  const rows = errors.map(({ atMs, what, sessionId, text }) => [
    clock(atMs),
    what,
    sessionId === 0 ? '' : `${sessionId}`,
    text,
  ]);
  fill(at('errors'), rows.reverse());
}
