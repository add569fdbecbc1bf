import { describe, it } from 'vitest';
import { transportCompliance } from '../../../src/testing/index.js';
import { IpcConnector, IpcListener } from '../../../src/transport/ipc/ipc.js';
import { freePath } from './ipc-carrier.js';

const stallTimeoutMs = 1000;
let count = 0;

describe.each([
  ['a socket file', freePath],
  ['an abstract socket', () => `@nnrp-compliance-${process.pid}-${++count}`],
])('Unix domain sockets: %s', (_, address) => {
  const cases = transportCompliance({
    stallTimeoutMs,
    async listen() {
      const listener = await IpcListener.bind(address(), {}, { stallTimeoutMs });
      return {
        listener,
        connect: () => new IpcConnector(listener.address, { stallTimeoutMs }).connect(),
        close: () => listener.close(),
      };
    },
  });
  for (const { name, run } of cases) it(name, run);
});
