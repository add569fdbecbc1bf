import { isIPv6 } from 'node:net';

/** Addresses that are kept read. */
const MAX_KNOWN = 4096;
/** Interfaces of this machine that addresses have named. */
const MAX_ZONES = 1000;
/** Of what the module says about an address: family, port, four words, scope. */
const [FAMILY, PORT, WORDS, SCOPE] = [0, 1, 2, 6];

/** An IP address as the module reads it: four words in the order of the network, and the number of an interface. */
export interface AddressWords {
  readonly family: 4 | 6;
  readonly words: Uint32Array;
}

const known = new Map<string, AddressWords>();
const zones: string[] = [''];

/** @param host - an IP address, with a zone if need be */
export function addressWords(host: string): AddressWords {
  const found = known.get(host);
  if (found !== undefined) return found;
  const read = parse(host);
  if (known.size >= MAX_KNOWN) known.clear();
  known.set(host, read);
  return read;
}

/** Whether the module's words at `at` are those of this address. */
export function isSameAddress({ family, words }: AddressWords, said: Uint32Array, at: number): boolean {
  if (said[at + FAMILY] !== family) return false;
  const count = family === 4 ? 1 : 4;
  for (let place = 0; place < count; place++) if (said[at + WORDS + place] !== words[place]) return false;
  return family === 4 || said[at + SCOPE] === words[4];
}

/** Whether two are the same address. */
export function areSame(one: AddressWords, other: AddressWords): boolean {
  return one.family === other.family && one.words.every((word, place) => word === other.words[place]);
}

export function saidPort(said: Uint32Array, at: number): number {
  return said[at + PORT] as number;
}

/** The address that the module says at `at`, as Node takes it. */
export function saidAddress(said: Uint32Array, at: number): string {
  const count = said[at + FAMILY] === 4 ? 1 : 4;
  const bytes = Array.from(said.subarray(at + WORDS, at + WORDS + count)).flatMap((word) => [
    word & 255,
    (word >>> 8) & 255,
    (word >>> 16) & 255,
    word >>> 24,
  ]);
  if (count === 1) return bytes.join('.');
  const groups = Array.from({ length: 8 }, (_, place) =>
    (((bytes[2 * place] as number) << 8) | (bytes[2 * place + 1] as number)).toString(16),
  );
  const zone = zones[said[at + SCOPE] as number];
  return zone === undefined || zone === '' ? groups.join(':') : `${groups.join(':')}%${zone}`;
}

function parse(host: string): AddressWords {
  const [address = '', zone = ''] = host.split('%');
  const bytes = isIPv6(address) ? bytesOfIPv6(address) : address.split('.').map(Number);
  const words = new Uint32Array(5);
  for (const [place, byte] of bytes.entries()) {
    words[place >> 2] = (words[place >> 2] as number) | (byte << (8 * (place & 3)));
  }
  words[4] = scopeOf(zone);
  return { family: bytes.length === 4 ? 4 : 6, words };
}

function scopeOf(zone: string): number {
  const found = zones.indexOf(zone);
  if (found >= 0) return found;
  return zones.length >= MAX_ZONES ? 0 : zones.push(zone) - 1;
}

function bytesOfIPv6(address: string): number[] {
  const dotted = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(address);
  const [head = '', tail] = (dotted === null ? address : withoutDots(dotted)).split('::');
  const groups = (part: string) => (part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16)));
  const front = groups(head);
  const back = tail === undefined ? [] : groups(tail);
  const missing = tail === undefined ? 0 : 8 - front.length - back.length;
  return [...front, ...new Array<number>(missing).fill(0), ...back].flatMap((group) => [group >> 8, group & 255]);
}

function withoutDots([, front, ...numbers]: RegExpExecArray): string {
  const [a = 0, b = 0, c = 0, d = 0] = numbers.map(Number);
  return `${front}${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
}
