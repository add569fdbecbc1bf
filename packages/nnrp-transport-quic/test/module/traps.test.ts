import type { ConnectionLost, NnrpServer } from 'nnrp-runtime';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { QuinnModule } from '../../src/module/quinn-module.js';
import { QuicStage } from '../support/quic-stage.js';
import { until } from '../support/until.js';

/** These tests are about the loss itself, which recovery would mend. */
const NEVER = { reconnect: 'never' } as const;

const stage = new QuicStage();
afterEach(async () => {
  vi.restoreAllMocks();
  await stage.clear();
});

/** What brings an instance down, planted in the one of this server. */
const FAULTS: Readonly<Record<string, (module: QuinnModule) => unknown>> = {
  // A slice beyond the end of a buffer: Rust panics.
  'a panic': ({ exports }) => exports.receive(70_000, 4, 1, 0),
  // Beyond the memory that an instance may have.
  'memory that is used up': ({ exports }) => exports.stage(0x7fff_ffff),
};

function moduleOf(server: NnrpServer): QuinnModule {
  return stage.moduleOf(server);
}

async function answered(server: NnrpServer, text: string): Promise<void> {
  const session = await (await stage.connect(server.localAddress)).openSession();
  const { body } = await (await session.submit(text)).result();
  expect(Buffer.from(body).toString()).toBe(text);
}

for (const [what, plant] of Object.entries(FAULTS)) {
  describe(`${what} in the module of one socket`, () => {
    it('ends its connections with an error that says so, and the socket serves again', async () => {
      const server = await stage.echo();
      const lost: ConnectionLost[] = [];
      server.on('connectionLost', (loss) => lost.push(loss));
      const clients = await Promise.all([1, 2, 3].map(() => stage.connect(server.localAddress, {}, NEVER)));
      await Promise.all(clients.map((client) => client.openSession()));
      const failed = moduleOf(server);
      plant(failed);
      await until(() => lost.length === 3, 'the losses are told');
      for (const { error } of lost) expect(error.message).toMatch(/QUIC has failed inside: /);
      expect(failed.failure?.message).toMatch(/panicked at|memory/);
      expect(moduleOf(server)).not.toBe(failed);
      expect(stage.inside(server)).toEqual({ handshakes: 0, connections: 0, inModule: 0 });
      await answered(server, 'again');
    });

    it('is no concern of another server of the process', async () => {
      const other = await stage.echo();
      const session = await (await stage.connect(other.localAddress, stage.trust())).openSession();
      const server = await stage.echo();
      await answered(server, 'before');
      plant(moduleOf(server));
      const { body } = await (await session.submit('not concerned')).result();
      expect(Buffer.from(body).toString()).toBe('not concerned');
      await answered(server, 'after');
    });

    it('tells clients of before at once that they are not known any more, by a stateless reset', async () => {
      const server = await stage.echo();
      const client = await stage.connect(server.localAddress, {}, NEVER);
      const session = await client.openSession();
      plant(moduleOf(server));
      await until(() => server.connectionCount === 0, 'the server has let go');
      const answer = session.submit('anybody there?').then((operation) => operation.result());
      await expect(answer).rejects.toThrow(/knows nothing of it \(stateless reset\)/);
    });
  });
}

describe('a client whose module fails', () => {
  it('loses its connections with an error that says so, and connects again', async () => {
    const made: QuinnModule[] = [];
    const { dial } = QuinnModule.prototype;
    vi.spyOn(QuinnModule.prototype, 'dial').mockImplementation(function (this: QuinnModule, verify) {
      made.push(this);
      dial.call(this, verify);
    });
    const server = await stage.echo();
    const connector = stage.connector(server.localAddress);
    const client = await stage.connectBy(connector, NEVER);
    await client.openSession();
    made[0]?.exports.receive(70_000, 4, 1, 0);
    expect((await client.closed).message).toMatch(/QUIC has failed inside: /);
    await (await stage.connectBy(connector)).openSession();
    expect(made).toHaveLength(2);
  });
});

describe('a module that has failed', () => {
  it('says that nothing is there, whatever it is asked', async () => {
    const server = await stage.echo();
    const module = moduleOf(server);
    module.exports.receive(70_000, 4, 1, 0);
    expect(module.failure).toBeDefined();
    const words = { family: 4, words: new Uint32Array(5) } as const;
    expect(module.receive(Buffer.alloc(1200, 0xc0), words, 1)).toBe(-1);
    expect([module.answerBytes, module.transmit(0, 1), module.happened(0), module.openConnections]).toEqual([
      0, 0, 0, 0,
    ]);
    expect([module.read(0, Buffer.alloc(10)), module.readEnd, module.write(0, Buffer.alloc(10))]).toEqual([0, 0, -1]);
    expect(module.timeoutMs(0)).toBe(Number.POSITIVE_INFINITY);
    expect(() => module.listen('none', 0)).toThrow(/QUIC has failed/);
  });
});
