import type { WireFault } from '../faults/fault.js';
import type { SessionMigrate } from '../generated/preview3/session-migrate.js';
import type { SessionMigrateAck } from '../generated/preview3/session-migrate-ack.js';
import { brokenRule } from './broken-rule.js';

/** SESSION_MIGRATE of any revision; later ones have more transports. */
export type MigrationRequest = Pick<SessionMigrate, 'lastResultFrameId'> & {
  readonly oldTransportId: number;
  readonly newTransportId: number;
};

/**
 * Compares the two sides of a migration: the transports must differ (MIG-3), and the replay must not start before the
 * last result that the client has (MIG-4). accept_code is not looked at: a refusal is checked like a grant.
 *
 * @see NNRP/1-preview3 section 15.2
 */
export function checkMigration(request: MigrationRequest, ack: SessionMigrateAck): WireFault | undefined {
  if (request.oldTransportId === request.newTransportId) return brokenRule('MIG-3');
  if (ack.resumeFromFrameId < request.lastResultFrameId) return brokenRule('MIG-4');
  return undefined;
}
