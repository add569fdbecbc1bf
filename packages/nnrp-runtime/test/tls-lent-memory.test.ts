import { runOver } from './carrier.js';
import { tlsCarrier } from './tls-carrier.js';

runOver(await tlsCarrier());
// The same cases as over the other carriers.
await import('./lent-bodies.test.js');
await import('./half-close.test.js');
