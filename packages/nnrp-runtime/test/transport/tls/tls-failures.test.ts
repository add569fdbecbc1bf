import { checkFailures } from '../../failures/failure-checks.js';
import { runOver } from '../../support/carrier.js';
import { tlsCarrier } from '../../support/tls-carrier.js';

runOver(await tlsCarrier());
checkFailures();
