import type { ModelPeer } from './model-peer.js';
import type { ModelConnection } from './model-state.js';
import type { ModelWorld } from './model-world.js';

/** What is different between what came and what had to come; empty when nothing is. */
function differences(connection: ModelConnection, { ledger, isOver }: ModelPeer): string {
  const found: string[] = isOver ? ['the connection is over'] : [];
  const compare = (what: string, got: unknown, wanted: unknown) => {
    if (got !== wanted) found.push(`${what}: got ${got}, wanted ${wanted}`);
  };
  for (const session of [...connection.sessions, ...connection.gone]) {
    const { sessionId } = session;
    const seen = ledger.sessions.get(sessionId);
    if (seen === undefined) found.push(`session ${sessionId} was never opened`);
    else {
      for (const [frameId, frame] of session.frames) {
        const { partials, results, drops } = seen.frames.get(frameId) ?? { partials: 0, results: 0, drops: 0 };
        compare(`session ${sessionId}, frame ${frameId}, partial results`, partials, frame.partials);
        compare(`session ${sessionId}, frame ${frameId}, terminal answers`, results + drops, frame.terminals);
      }
      for (const frameId of seen.frames.keys()) {
        if (!session.frames.has(frameId)) found.push(`session ${sessionId}: an answer to frame ${frameId}`);
      }
      compare(`session ${sessionId}, patch acknowledgements`, seen.patchAcks, session.patches);
      compare(`session ${sessionId}, close confirmed`, seen.closeAcked, session.closeAcked);
      compare(`session ${sessionId}, closed by the server`, seen.closedByServer, session.closedByServer);
    }
  }
  if (ledger.errors < connection.duplicates) found.push(`${ledger.errors} ERRORs, ${connection.duplicates} duplicates`);
  return found.join('; ');
}

/** Sends, and waits until what came is what had to come. */
export async function agree(connection: ModelConnection, world: ModelWorld, ...parts: Uint8Array[]): Promise<void> {
  const peer = world.peers.get(connection.name) as ModelPeer;
  connection.recheck();
  await peer.settle(...parts);
  // Handlers answer some turns later than the PING.
  await peer.until(() => peer.isOver || differences(connection, peer) === '', 'agreement').catch(() => {});
  const found = differences(connection, peer);
  if (found !== '') throw new Error(`connection ${connection.name}: ${found}`);
}
