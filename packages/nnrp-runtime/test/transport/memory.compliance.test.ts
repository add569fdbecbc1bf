import { describe, it } from 'vitest';
import { transportCompliance } from '../../src/testing/index.js';
import { MemoryListener } from '../../src/transport/memory.js';

describe('memory transport', () => {
  const cases = transportCompliance({
    async listen() {
      const listener = new MemoryListener();
      return { listener, connect: () => listener.connect(), close: () => listener.close() };
    },
  });
  for (const { name, run } of cases) it(name, run);
});
