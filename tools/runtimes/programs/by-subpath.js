// The same by the subpaths, which need no condition of a bundler; the transport is imported for its addresses alone.
import { NnrpClient } from 'nnrp-runtime/client';
import 'nnrp-transport-websocket/browser';
import { useClient } from './session.js';

/** @returns what one client has got */
export async function main(url) {
  return [await useClient(await NnrpClient.connect(url))];
}
