import { lossyTransfers } from './lossy-transfers.js';

lossyTransfers(1350, 3, { maxDatagramBytes: 1350 });
