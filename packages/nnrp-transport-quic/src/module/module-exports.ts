import type { WasmMemory } from './webassembly.js';

/** What the module exports; `wasm/src/abi.rs` says what each does. Times are milliseconds, places are bytes of its memory. */
export interface ModuleExports {
  readonly memory: WasmMemory;
  init(): void;
  use_secret(): void;
  rx(): number;
  io(): number;
  out(): number;
  panic_words(): number;
  set(key: number, value: number): void;
  credential(what: number, length: number): void;
  root(length: number, from: number, to: number): void;
  listen(): number;
  dial(): number;
  connect(nameLength: number, family: number, port: number, now: number): number;
  receive(length: number, family: number, port: number, now: number): number;
  retry(): number;
  accept(now: number): number;
  transmit(index: number, now: number, max: number): number;
  timeout(index: number): number;
  handle_timeout(index: number, now: number): void;
  use_token(length: number): void;
  take_token(): number;
  happened(index: number): number;
  lost(index: number): number;
  refused_certificate(): number;
  open_stream(index: number): number;
  stage(length: number): number;
  write(index: number): number;
  finish(index: number): number;
  reset(index: number, code: number): void;
  stop(index: number, code: number): void;
  read(index: number, max: number, now: number): number;
  close(index: number, code: number, reasonLength: number, now: number): void;
  stopped(index: number): number;
  peer_idle_timeout(index: number): number;
  ping(index: number): void;
  update_keys(index: number): void;
  peer_certificate(index: number): number;
  alpn(index: number): number;
  acknowledged(index: number): number;
  stats(index: number): number;
  key_log(): number;
  open_connections(): number;
  forget(index: number): void;
}

type Call = (a?: number, b?: number, c?: number, d?: number) => number;

/** What a call says that is not carried out any more. Nothing is there, nothing is due, there is no room. */
const NOTHING: Readonly<Record<string, number>> = {
  connect: -1,
  receive: -1,
  accept: -1,
  write: -1,
  timeout: Number.POSITIVE_INFINITY,
};

/**
 * The functions such that none of them throws. After a trap the module's memory may be in any state: nothing of it is
 * called any more.
 *
 * @param trapped - called once, with what the module or one of its imports has thrown
 */
export function withoutTraps(exports: ModuleExports, trapped: (error: unknown) => void): ModuleExports {
  let over = false;
  const guarded: Record<string, unknown> = { memory: exports.memory };
  for (const [name, call] of Object.entries(exports)) {
    if (typeof call !== 'function') continue;
    const nothing = NOTHING[name] ?? 0;
    const run: Call = (a, b, c, d) => {
      if (over) return nothing;
      try {
        return (call as Call)(a, b, c, d);
      } catch (error) {
        over = true;
        trapped(error);
        return nothing;
      }
    };
    guarded[name] = run;
  }
  return guarded as unknown as ModuleExports;
}
