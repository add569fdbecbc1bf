import { vi } from 'vitest';
import { QuicheConfigs } from '../src/quiche/quiche-config.js';
import { lossyTransfers } from './lossy-transfers.js';

// Peers on this machine get larger datagrams; here both ends take each other for remote.
const configFor = QuicheConfigs.prototype.for;
vi.spyOn(QuicheConfigs.prototype, 'for').mockImplementation(function (this: QuicheConfigs) {
  return configFor.call(this, '192.0.2.1');
});

lossyTransfers(1350, 3);
