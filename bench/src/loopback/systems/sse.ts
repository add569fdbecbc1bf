import { Agent, createServer, get, type ServerResponse } from 'node:http';
import type { StreamLoad } from '../load.js';
import { listening } from './listening.js';
import { nextTurn, type System } from './system.js';

/* Server-sent events over node:http. Events are text, so the bytes of a message travel in base64. */

const HEAD = 'data: ';

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

/** Splits the text of events; an event may be cut anywhere. */
class EventReader {
  private rest = '';

  constructor(private readonly handler: (data: string) => void) {}

  push(text: string): void {
    const all = this.rest === '' ? text : this.rest + text;
    let start = 0;
    for (let end = all.indexOf('\n\n'); end >= 0; end = all.indexOf('\n\n', start)) {
      this.handler(all.slice(start + HEAD.length, end));
      start = end + 2;
    }
    this.rest = all.slice(start);
  }
}

function streamLane(agent: Agent, port: number, load: StreamLoad, lane: number): void {
  if (!load.begin(lane)) return;
  const request = get({ port, host: '127.0.0.1', agent, path: `/?${hex(load.request)}` }, (response) => {
    const reader = new EventReader((data) => load.message(lane, Buffer.from(data, 'base64')));
    response.setEncoding('latin1');
    response.on('data', (text: string) => reader.push(text));
    response.on('error', (error) => load.fail(error));
    response.on('end', () => {
      load.end(lane);
      // The connection goes back to its agent in this turn; only then the next stream finds it.
      setImmediate(streamLane, agent, port, load, lane);
    });
  });
  request.on('error', (error) => load.fail(error));
}

export const sse: System = {
  serve({ messages, messageBytes, paced }, tally) {
    const events = Array.from(
      { length: 256 },
      (_, index) => `${HEAD}${Buffer.alloc(messageBytes, index).toString('base64')}\n\n`,
    );
    const stream = async (response: ServerResponse) => {
      response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
      for (let index = 0; index < messages; index++) {
        if (paced) await nextTurn();
        tally.messages++;
        const room = response.write(events[index & 255] as string, 'latin1');
        if (!room) await new Promise<void>((resolve) => response.once('drain', () => resolve()));
      }
      response.end();
    };
    const server = createServer((request, response) => {
      tally.request(Buffer.from(request.url?.slice(2) ?? '', 'hex').length);
      request.resume();
      void stream(response);
    });
    server.keepAliveTimeout = 60_000;
    return listening(server);
  },

  async connect({ connections }, port) {
    const agents = Array.from({ length: connections }, () => new Agent({ keepAlive: true, maxSockets: 1 }));
    return {
      exchange: (load) => load.fail(new Error('sse has streams only')),
      stream: (load) => {
        for (const [lane, agent] of agents.entries()) streamLane(agent, port, load, lane);
      },
      close: async () => {
        for (const agent of agents) agent.destroy();
      },
    };
  },
};
