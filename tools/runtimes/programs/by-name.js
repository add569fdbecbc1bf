// As a user writes it: the names of the packages, which a bundler leads to what is free of Node.js.
import { NnrpClient } from 'nnrp-runtime';
import { connectWebSocket } from 'nnrp-transport-websocket';
import { useClient } from './session.js';

/** @returns what each of two clients has got */
export async function main(url) {
  return [await useClient(await NnrpClient.connect(url)), await useClient(await connectWebSocket(url))];
}
