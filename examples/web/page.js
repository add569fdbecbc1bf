import { NnrpClient } from 'nnrp-runtime';
import 'nnrp-transport-websocket';

/*
 * A chat page. The session outlives its connection: the client resumes it by itself after a loss, and by a ticket after a reload of
 * the page. Either way an answer that was streaming goes on where it was.
 */

const KEPT = 'nnrp-chat';
const RETRY_MS = 500;
const url = new URL('nnrp', location.href.replace(/^http/, 'ws')).href;
const [line, talk, form, prompt, stop] = ['line', 'talk', 'ask', 'prompt', 'stop'].map((id) =>
  document.getElementById(id),
);

/** What was said, as it is kept over a reload. */
const said = [];
let session;
/** The answer that streams now. */
let streaming;
let scrolling = false;

show('connecting');
let kept = JSON.parse(sessionStorage.getItem(KEPT) ?? '{}');
for (const { asked, answer, note } of kept.said ?? []) add(asked, answer, note);

form.addEventListener('submit', async (event) => {
  event.preventDefault();
  if (prompt.value === '' || session === undefined || streaming !== undefined) return;
  const entry = add(prompt.value, '');
  prompt.value = '';
  // From now on, so that a second one has to wait.
  streaming = { entry };
  try {
    await stream(entry, await session.submit(entry.asked));
  } catch (error) {
    streaming = undefined;
    note(entry, error.code ?? String(error));
  }
});
stop.addEventListener('click', () => streaming?.operation?.cancel());
// The ticket says what was read up to now, so both are kept in the same turn.
addEventListener('pagehide', () => {
  // Before the session goes on, what was kept stands as it is.
  if (session === undefined && kept.ticket !== undefined) return;
  const { frameId } = streaming?.operation ?? {};
  const plain = said.map(({ asked, answer, note }) => ({ asked, answer, note }));
  try {
    sessionStorage.setItem(KEPT, JSON.stringify({ said: plain, frameId, ticket: session?.ticket() }));
  } catch {
    // No ticket while the session is not open: what was said is kept at least.
    sessionStorage.setItem(KEPT, JSON.stringify({ said: plain, frameId }));
  }
});

await connect(kept);

/** A client, and a session by the ticket where there is one; tries until there is a server. */
async function connect({ ticket, frameId }) {
  for (;;) {
    try {
      const client = await NnrpClient.connect(url);
      client.on('suspended', () => show('away'));
      client.on('resumed', () => show('resumed'));
      client.on('reopened', () => show('connected'));
      client.on('closed', () => {
        session = undefined;
        show('connecting');
        void connect({});
      });
      if (ticket === undefined || !(await resume(client, ticket, frameId))) {
        session = await client.openSession();
        show('connected');
      }
      // A ticket is good once.
      kept = {};
      sessionStorage.removeItem(KEPT);
      return;
    } catch (error) {
      console.warn(`not connected: ${error.message}`);
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }
}

/** @returns false when the ticket is good no longer */
async function resume(client, ticket, frameId) {
  try {
    const resumed = await client.resumeSession(ticket);
    session = resumed.session;
    show('resumed');
    const operation = resumed.operations.get(frameId);
    if (operation !== undefined) void stream(said.at(-1), operation);
    return true;
  } catch (error) {
    console.warn(`not resumed: ${error.message}`);
    const last = said.at(-1);
    if (frameId !== undefined && last !== undefined) note(last, 'lost');
    return false;
  }
}

async function stream(entry, operation) {
  streaming = { entry, operation };
  stop.disabled = false;
  entry.item.dataset.state = 'streaming';
  try {
    for await (const text of operation.text()) {
      entry.answer += text;
      entry.text.appendData(text);
      scrollSoon();
    }
  } catch (error) {
    note(entry, error.code === 'NNRP_ERR_CANCELLED' ? 'stopped' : error.code);
  }
  streaming = undefined;
  stop.disabled = true;
  entry.item.dataset.state = 'done';
}

/** Once for all that is added before the page is drawn. */
function scrollSoon() {
  if (scrolling) return;
  scrolling = true;
  requestAnimationFrame(() => {
    scrolling = false;
    talk.scrollTop = talk.scrollHeight;
  });
}

function add(asked, answer, noted) {
  const question = document.createElement('li');
  question.className = 'asked';
  question.textContent = asked;
  const item = document.createElement('li');
  item.className = 'answer';
  const text = document.createTextNode(answer);
  item.append(text);
  talk.append(question, item);
  scrollSoon();
  const entry = { asked, answer, item, text };
  said.push(entry);
  if (noted !== undefined) note(entry, noted);
  return entry;
}

function note(entry, text) {
  entry.note = text;
  entry.item.dataset.note = text;
}

function show(state) {
  line.dataset.state = state;
  line.textContent = state;
}
