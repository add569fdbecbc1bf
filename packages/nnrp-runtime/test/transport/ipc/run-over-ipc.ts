import { Server, Socket } from 'node:net';
import { runOver } from '../../support/carrier.js';
import { ipcCarrier } from './ipc-carrier.js';

/*
 * Setup of the project that runs the tests of the session API over Unix domain sockets. None of them may use TCP behind its
 * back.
 */
runOver(ipcCarrier);

const { listen } = Server.prototype;
Server.prototype.listen = function (this: Server, ...args: unknown[]) {
  if (!isOfPath(args[0])) refuse();
  return listen.apply(this, args as never);
} as never;

const { connect } = Socket.prototype;
Socket.prototype.connect = function (this: Socket, ...args: unknown[]) {
  // Node calls it with its arguments in a list of their own.
  const [first] = Array.isArray(args[0]) ? args[0] : args;
  if (!isOfPath(first)) refuse();
  return connect.apply(this, args as never);
} as never;

function isOfPath(given: unknown): boolean {
  return typeof given === 'string' || typeof (given as { path?: unknown } | undefined)?.path === 'string';
}

function refuse(): never {
  throw new Error('this test runs over Unix domain sockets too: it must get its connections from the carrier');
}
