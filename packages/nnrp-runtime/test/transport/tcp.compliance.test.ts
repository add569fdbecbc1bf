import { describe, it } from 'vitest';
import { transportCompliance } from '../../src/testing/index.js';
import { TcpConnector, TcpListener } from '../../src/transport/tcp/tcp.js';

describe('TCP transport', () => {
  const stallTimeoutMs = 1000;
  const cases = transportCompliance({
    stallTimeoutMs,
    async listen() {
      const listener = await TcpListener.bind('127.0.0.1:0', { stallTimeoutMs });
      return {
        listener,
        connect: () => new TcpConnector(listener.address, { stallTimeoutMs }).connect(),
        close: () => listener.close(),
      };
    },
  });
  for (const { name, run } of cases) it(name, run);
});
