import { lossyTransfers } from './lossy-transfers.js';

lossyTransfers(16_384, 10);
