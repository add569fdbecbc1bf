import { runOver } from './carrier.js';
import { checkFailures } from './failure-checks.js';
import { tlsCarrier } from './tls-carrier.js';

runOver(await tlsCarrier());
checkFailures();
