// A client of preview4, whose part of the program is loaded when it connects.
import { NnrpClient } from 'nnrp-runtime';
import 'nnrp-transport-websocket';
import { useClient } from './session.js';

/** @returns what each of two clients has got: the second has it loaded already */
export async function main(url) {
  const used = [];
  for (const revision of ['preview4', 'auto']) {
    const client = await NnrpClient.connect(url, { revision });
    if (client.revision !== 'preview4') return [`expected preview4, got ${client.revision}`];
    used.push(await useClient(client));
  }
  return used;
}
