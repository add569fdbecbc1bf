import { shownWord, UsageError } from 'nnrp-core';
import { RacingConnector, raceTimes, wayMs } from '../transport/connecting/racing-connector.js';
import { type Way, WayMemory } from '../transport/connecting/way-memory.js';
import type { FramedConnector, TransportKind } from '../transport/contract/contract.js';
import { transportDefaults } from '../transport/tcp/tcp-options.js';
import { type AddressSpace, connectorsTo, readAddresses } from '../transport/url/addresses.js';
import type { SchemedAddress } from '../transport/url/registered-url.js';
import { splitConfig } from '../transport/url/url-options.js';
import { clientConfig, type NnrpClientConfig, type NnrpClientOptions } from './contract/client-config.js';
import { CHOICE_OPTIONS, choiceOptions, type PortableConnectOptions } from './contract/connect-options.js';
import { type ClientTransportPolicy, policyExtension } from './hello/transport-policy.js';
import { Measuring } from './measuring/measuring.js';

/**
 * What connects to one address, or to the first of several that can be connected to.
 *
 * @returns it, the configuration without what is for transports, and what measures the addresses where that is asked for
 * @throws UsageError on an address that is none, and on a configuration that cannot work
 */
export function connectorToAddresses<Address extends SchemedAddress>(
  space: AddressSpace<Address>,
  addresses: string | readonly string[],
  config: PortableConnectOptions,
): [FramedConnector, NnrpClientConfig, NnrpClientOptions, Measuring?] {
  const { transportPolicy: policy, measureTransports } = choiceOptions(config);
  const { own, rest } = splitConfig(config, CHOICE_OPTIONS);
  const complete = clientConfig(rest);
  const transportPolicy = policy === undefined ? undefined : policyExtension(policy);
  const said = transportPolicy === undefined ? complete : { ...complete, transportPolicy };
  const urls = readAddresses('connect', addresses, (address) => space.read(address));
  const { connectTimeoutMs } = complete;
  const times = raceTimes(connectTimeoutMs, urls.length);
  const eachMs = (index: number) => (urls.length === 1 ? connectTimeoutMs : wayMs(connectTimeoutMs, times, index));
  const limits = transportDefaults(complete);
  const connectors = connectorsTo(space, urls, own, (index) => ({ ...limits, connectTimeoutMs: eachMs(index) }));
  const all = connectors.map((connector, index) => ({ connector, text: urls[index]?.text ?? '' }));
  const ways = waysBy(policy, all);
  const [only] = ways;
  if (ways.length === 1 && only !== undefined) return [only.connector, said, rest];
  const memory = new WayMemory(ways, typeof policy === 'object' && 'prefer' in policy ? policy.prefer : undefined);
  const racing = new RacingConnector(memory, times);
  return measureTransports ? [racing, said, rest, new Measuring(memory, times, racing)] : [racing, said, rest];
}

/** @throws UsageError when the policy names a kind that none of them has */
function waysBy(policy: ClientTransportPolicy | undefined, all: readonly Way[]): readonly Way[] {
  if (policy === undefined || policy === 'auto') return all;
  const kind: TransportKind = 'force' in policy ? policy.force : policy.prefer;
  const ofKind = all.filter(({ connector }) => connector.kind === kind);
  if (ofKind.length === 0) {
    const there = [...new Set(all.map(({ connector }) => connector.kind))].join(', ');
    throw new UsageError(
      `connect: transportPolicy: no address is of the kind ${shownWord(kind)}; expected one of ${there}`,
    );
  }
  return 'force' in policy ? ofKind : all;
}
