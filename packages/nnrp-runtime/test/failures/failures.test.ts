import { checkFailures } from './failure-checks.js';

// Over TCP; over QUIC in the other project.
checkFailures();
