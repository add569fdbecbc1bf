import { NnrpClient } from 'nnrp-runtime';
import { useClient } from './session.js';

/** @returns what one client has got */
export async function main(url) {
  return [await useClient(await NnrpClient.connect(url))];
}
