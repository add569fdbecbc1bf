import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Runs workerd, which Cloudflare Workers run in, with one Worker.
 *
 * @param date - compatibility date: what the Worker has of newer things
 * @param use - is given the address that it answers at
 */
export async function withWorkerd(program, folder, code, date, use) {
  writeFileSync(join(folder, 'worker.js'), code);
  writeFileSync(join(folder, 'workerd.capnp'), configuration(date));
  const child = spawn(program, ['serve', 'workerd.capnp', '--control-fd=3'], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
  });
  let said = '';
  for (const output of [child.stdout, child.stderr]) {
    output.on('data', (text) => {
      said += text;
    });
  }
  const ended = new Promise((resolve) => child.on('close', resolve));
  try {
    const port = await Promise.race([
      listeningPort(child.stdio[3]),
      ended.then((status) => Promise.reject(new Error(`workerd has ended with status ${status}`))),
    ]);
    await use(`http://127.0.0.1:${port}/`);
  } catch (error) {
    throw new Error(`${error.message}\n${said}`, { cause: error });
  } finally {
    child.kill();
    await ended;
  }
}

/** It says so on the descriptor that it is given. */
function listeningPort(output) {
  return new Promise((resolve, reject) => {
    let text = '';
    output.on('data', (chunk) => {
      text += chunk;
      if (!text.includes('\n')) return;
      resolve(JSON.parse(text.slice(0, text.indexOf('\n'))).port);
    });
    output.on('error', reject);
  });
}

function configuration(date) {
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "main", worker = .worker), (name = "network", network = (allow = ["private"]))],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")]
);
const worker :Workerd.Worker = (
  modules = [(name = "worker", esModule = embed "worker.js")],
  compatibilityDate = "${date}",
  globalOutbound = "network"
);
`;
}
