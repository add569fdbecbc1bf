// The same by the subpaths, which need no condition of a bundler.
import { NnrpClient } from 'nnrp-runtime/client';
import { connectWebSocket } from 'nnrp-transport-websocket/browser';
import { useClient } from './session.js';

/** @returns what each of two clients has got */
export async function main(url) {
  return [await useClient(await NnrpClient.connect(url)), await useClient(await connectWebSocket(url))];
}
