import type { CongestionControl, ConnectionSettings } from '../engine.js';

/** Places of the settings, as in `wasm/src/settings.rs`. */
export const SettingKey = {
  IdleTimeout: 0,
  Window: 1,
  MaxWindow: 2,
  Datagram: 3,
  MaxDatagram: 4,
  LoopbackDatagram: 5,
  PeerStreams: 6,
  Congestion: 7,
  ClientCertificates: 8,
  Verify: 9,
  PrivateKey: 10,
  KeyLog: 11,
  Tokens: 12,
} as const;

const CONGESTION: readonly CongestionControl[] = ['cubic', 'newreno', 'bbr'];

/** @param peerStreams - how many the peer may open */
export function moduleSettings(settings: ConnectionSettings, peerStreams: number): [key: number, value: number][] {
  return [
    [SettingKey.IdleTimeout, settings.idleTimeoutMs],
    [SettingKey.Window, settings.streamWindowBytes],
    [SettingKey.MaxWindow, settings.maxStreamWindowBytes],
    [SettingKey.Datagram, settings.firstDatagramBytes],
    [SettingKey.MaxDatagram, settings.maxDatagramBytes],
    [SettingKey.LoopbackDatagram, settings.maxLoopbackDatagramBytes],
    [SettingKey.PeerStreams, peerStreams],
    [SettingKey.Congestion, CONGESTION.indexOf(settings.congestion)],
    [SettingKey.KeyLog, settings.keyLogFile === undefined ? 0 : 1],
  ];
}
