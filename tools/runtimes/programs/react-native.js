// There is no URL to speak of: connectWebSocket takes the address as it is.
import { connectWebSocket } from 'nnrp-transport-websocket';
import { useClient } from './session.js';

/** @returns what one client has got */
export async function main(url) {
  return [await useClient(await connectWebSocket(url))];
}
