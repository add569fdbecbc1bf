import { runOver } from '../../nnrp-runtime/test/support/carrier.js';
import { webSocketCarrier } from './websocket-carrier.js';

/*
 * Setup of the project that runs the tests of the session API over WebSocket.
 */
runOver(webSocketCarrier);
