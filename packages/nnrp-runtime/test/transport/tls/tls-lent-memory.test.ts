import { runOver } from '../../support/carrier.js';
import { tlsCarrier } from '../../support/tls-carrier.js';

runOver(await tlsCarrier());
// The same cases as over the other carriers.
await import('../../bodies/lent-bodies.test.js');
await import('../../server/connection/half-close.test.js');
