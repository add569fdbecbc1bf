/*
 * One call of the runtime in a process of its own, its promise dropped, while the other side vanishes at different moments.
 * It prints a line for each moment; an unhandled rejection or an exception ends it before it says that it is done.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { CALLS, MISTAKES, prepare, Stage } from './calls.mjs';

const [, , what, name, style] = process.argv;
/** So long after the peer has gone, or the server was closed, a promise may stay as it is. */
const SETTLE_MS = 5000;

function peerOf(stage) {
  return /^(NnrpServer|NnrpServerSession|OperationContext)\./.test(name)
    ? () => stage.dropClient()
    : () => stage.dropServer();
}

async function settles(promise) {
  const late = sleep(SETTLE_MS, 'late', { ref: false });
  const settled = Promise.resolve(promise).then(
    () => 'resolved',
    (error) => `rejected ${error?.code ?? error}`,
  );
  return Promise.race([settled, late]);
}

async function walk(moment) {
  const stage = await new Stage(style).begin();
  const vanish = peerOf(stage);
  const call = await prepare(name, stage);
  if (moment === 'before') {
    vanish();
    await sleep(40);
  }
  let promise;
  try {
    promise = call();
  } catch (error) {
    if (error?.code === undefined) throw error;
    console.log(`${moment}: threw ${error.code}`);
    await stage.end();
    return;
  }
  // Nothing hears the promise meanwhile: were it worth an unhandled rejection, this process would be over.
  if (moment === 'at once') vanish();
  if (moment === 'while it waits') {
    await sleep(30);
    vanish();
  }
  await sleep(60);
  await stage.end();
  await sleep(10);
  const isPromise = typeof promise?.then === 'function';
  console.log(`${moment}: ${isPromise ? await settles(promise) : 'no promise'}`);
  stage.made?.close();
}

if (what === 'list') {
  console.log(
    JSON.stringify({
      calls: Object.entries(CALLS).map(([key, { styles }]) => [key, styles ?? ['accept', 'serve']]),
      mistakes: Object.keys(MISTAKES),
    }),
  );
} else if (what === 'mistake') {
  const stage = await new Stage('serve').begin();
  MISTAKES[name](stage);
  await sleep(100);
  console.log('done');
  process.exit(0);
} else {
  for (const moment of ['before', 'at once', 'while it waits']) await walk(moment);
  console.log('done');
  process.exit(0);
}
