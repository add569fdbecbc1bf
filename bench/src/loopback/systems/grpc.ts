import {
  type ChannelOptions,
  Client,
  credentials,
  type MethodDefinition,
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  type ServerWritableStream,
  type sendUnaryData,
} from '@grpc/grpc-js';
import type { ExchangeLoad, StreamLoad } from '../load.js';
import { inBatches, messageBodies, nextTurn, type System } from './system.js';

/* `@grpc/grpc-js` with bytes as messages: no protobuf, so that its transport alone is compared. */

const bytes = (message: Buffer) => message;
const method = (path: string, responseStream: boolean): MethodDefinition<Buffer, Buffer> => ({
  path,
  requestStream: false,
  responseStream,
  requestSerialize: bytes,
  requestDeserialize: bytes,
  responseSerialize: bytes,
  responseDeserialize: bytes,
});
const EXCHANGE = method('/bench.Loopback/Exchange', false);
const STREAM = method('/bench.Loopback/Stream', true);

const OPTIONS: ChannelOptions = {
  'grpc.max_receive_message_length': -1,
  'grpc.max_send_message_length': -1,
  // Otherwise clients of one process share one connection.
  'grpc.use_local_subchannel_pool': 1,
};

function exchangeLane(client: Client, load: ExchangeLoad, lane: number): void {
  const body = load.begin(lane);
  if (body === undefined) return;
  client.makeUnaryRequest<Buffer, Buffer>(EXCHANGE.path, bytes, bytes, body as Buffer, (error, reply) => {
    if (error !== null || reply === undefined) {
      load.fail(error);
      return;
    }
    load.end(lane, reply);
    exchangeLane(client, load, lane);
  });
}

function streamLane(client: Client, load: StreamLoad, lane: number): void {
  if (!load.begin(lane)) return;
  const call = client.makeServerStreamRequest<Buffer, Buffer>(STREAM.path, bytes, bytes, Buffer.from(load.request));
  call.on('data', (message: Buffer) => load.message(lane, message));
  call.on('error', (error) => load.fail(error));
  call.on('end', () => {
    load.end(lane);
    streamLane(client, load, lane);
  });
}

export const grpc: System = {
  async serve(scenario, tally) {
    const { messages, paced, messageBytes } = scenario;
    const bodies = messageBodies(messageBytes);
    const server = new Server(OPTIONS);
    const exchange = ({ request }: ServerUnaryCall<Buffer, Buffer>, answer: sendUnaryData<Buffer>) => {
      tally.request(request.length);
      answer(null, request);
    };
    const stream = async (call: ServerWritableStream<Buffer, Buffer>) => {
      tally.request(call.request.length);
      for (let index = 0; index < messages; index++) {
        if (paced) await nextTurn();
        tally.messages++;
        if (!call.write(bodies[index & 255] as Buffer))
          await new Promise<void>((resolve) => call.once('drain', () => resolve()));
      }
      call.end();
    };
    server.addService({ exchange: EXCHANGE, stream: STREAM }, { exchange, stream });
    return new Promise((resolve, reject) => {
      server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) => {
        if (error === null) resolve(port);
        else reject(error);
      });
    });
  },

  async connect({ connections, inFlight }, port) {
    const clients = await inBatches(connections, async () => {
      const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure(), OPTIONS);
      await new Promise<void>((resolve, reject) => {
        client.waitForReady(Date.now() + 10_000, (error) => (error === undefined ? resolve() : reject(error)));
      });
      return client;
    });
    const ofLane = (lane: number) => clients[Math.floor(lane / inFlight)] as Client;
    return {
      exchange: (load) => {
        for (let lane = 0; lane < load.lanes; lane++) exchangeLane(ofLane(lane), load, lane);
      },
      stream: (load) => {
        for (let lane = 0; lane < load.lanes; lane++) streamLane(ofLane(lane), load, lane);
      },
      close: async () => {
        for (const client of clients) client.close();
      },
    };
  },
};
