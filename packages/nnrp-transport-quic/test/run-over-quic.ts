import { Server, Socket } from 'node:net';
import { runOver } from '../../nnrp-runtime/test/support/carrier.js';
import { quicCarrier } from './support/quic-carrier.js';

/*
 * Setup of the project that runs the tests of the session API over QUIC. None of them may use TCP behind its back.
 */
runOver(quicCarrier);

function refuse(): never {
  throw new Error('this test runs over QUIC too: it must get its connections from the carrier');
}
Server.prototype.listen = refuse;
Socket.prototype.connect = refuse;
