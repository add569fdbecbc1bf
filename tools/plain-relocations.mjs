/*
 * The libraries beside the Node of musl have their relative relocations packed (DT_RELR), which musl knows from 1.2.4 on, and
 * Debian 12 has 1.2.3: there they are passed over, and the process ends in a segmentation fault. So they are written out as
 * plain ones (DT_RELA). Addresses in here are below 2^53.
 */

const PT_LOAD = 1;
const PT_DYNAMIC = 2;
const PT_NOTE = 4;
const PF_R = 4;
const DT_RELA = 7;
const DT_RELASZ = 8;
const DT_RELRSZ = 35;
const DT_RELR = 36;
const DT_RELRENT = 37;
const DT_RELACOUNT = 0x6ffffff9;
/** Of no meaning to any loader. */
const DT_NOTHING = 0x6ffffe00;
const R_X86_64_RELATIVE = 8;
const PAGE = 4096;

const HEADER_BYTES = 56;
const RELA_BYTES = 24;

const word = (bytes, at) => Number(bytes.readBigUInt64LE(at));
const setWord = (bytes, at, value) => bytes.writeBigUInt64LE(BigInt(value), at);
const pageAfter = (at) => Math.ceil(at / PAGE) * PAGE;

/**
 * @param {Buffer} library - an ELF file for x86-64
 * @returns {Buffer} the same with plain relocations; itself where it has no others
 */
export function withPlainRelocations(library) {
  const headers = Array.from({ length: library.readUInt16LE(56) }, (_, index) => {
    const at = word(library, 32) + index * HEADER_BYTES;
    const [offset, address, , bytes, memory] = [8, 16, 24, 32, 40].map((field) => word(library, at + field));
    return { at, type: library.readUInt32LE(at), offset, address, bytes, memory };
  });
  const loaded = headers.filter(({ type }) => type === PT_LOAD);
  const placeOf = (address) => {
    const part = loaded.find((header) => address >= header.address && address < header.address + header.bytes);
    return address - part.address + part.offset;
  };
  const dynamic = dynamicEntries(
    library,
    headers.find(({ type }) => type === PT_DYNAMIC),
  );
  if (!dynamic.has(DT_RELR)) return library;
  const value = (tag) => word(library, dynamic.get(tag) + 8);

  const packed = placeOf(value(DT_RELR));
  const addresses = unpacked(library.subarray(packed, packed + value(DT_RELRSZ)));
  const relative = Buffer.alloc(addresses.length * RELA_BYTES);
  for (const [index, address] of addresses.entries()) {
    const at = index * RELA_BYTES;
    setWord(relative, at, address);
    setWord(relative, at + 8, R_X86_64_RELATIVE);
    setWord(relative, at + 16, word(library, placeOf(address)));
  }
  const others = placeOf(value(DT_RELA));
  const table = Buffer.concat([relative, library.subarray(others, others + value(DT_RELASZ))]);

  // The longer table is a part of its own behind all others. Its header takes the place of a note's, which nothing needs.
  const offset = pageAfter(library.length);
  const address = pageAfter(Math.max(...loaded.map((part) => part.address + part.memory)));
  const made = Buffer.concat([library, Buffer.alloc(offset - library.length), table]);
  const header = headers.findLast(({ type }) => type === PT_NOTE).at;
  made.writeUInt32LE(PT_LOAD, header);
  made.writeUInt32LE(PF_R, header + 4);
  for (const [index, field] of [offset, address, address, table.length, table.length, PAGE].entries()) {
    setWord(made, header + 8 + index * 8, field);
  }
  setWord(made, dynamic.get(DT_RELA) + 8, address);
  setWord(made, dynamic.get(DT_RELASZ) + 8, table.length);
  if (dynamic.has(DT_RELACOUNT)) {
    setWord(made, dynamic.get(DT_RELACOUNT) + 8, value(DT_RELACOUNT) + addresses.length);
  }
  for (const tag of [DT_RELR, DT_RELRSZ, DT_RELRENT]) setWord(made, dynamic.get(tag), DT_NOTHING);
  return made;
}

/** Where the entry of each tag is. */
function dynamicEntries(library, { offset, bytes }) {
  const places = new Map();
  for (let at = offset; at < offset + bytes && word(library, at) !== 0; at += 16) places.set(word(library, at), at);
  return places;
}

/** An even word is an address; an odd one has a bit for each of the 63 words behind the last place. */
function unpacked(relr) {
  const addresses = [];
  let next = 0;
  for (let at = 0; at < relr.length; at += 8) {
    const entry = relr.readBigUInt64LE(at);
    if ((entry & 1n) === 0n) {
      addresses.push(Number(entry));
      next = Number(entry) + 8;
      continue;
    }
    for (let bit = 0; bit < 63; bit++) if ((entry >> BigInt(bit + 1)) & 1n) addresses.push(next + bit * 8);
    next += 63 * 8;
  }
  return addresses;
}
