/** Merges that the tokenizer remembers; a bound on its memory. */
const MERGE_CACHE_ENTRIES = 10_000;

/**
 * Splits a text into tokens.
 *
 * @param text - its UTF-8 has `byteLength` bytes
 * @returns the length of each token in bytes of the text's UTF-8; they add up to `byteLength`
 */
export type Tokenizer = (text: string, byteLength: number) => readonly number[];

/** Loads the o200k_base vocabulary, which takes a moment and some 50 MB, and gives its tokenizer. */
export async function loadTokenizer(): Promise<Tokenizer> {
  const [{ encode, setMergeCacheSize }, { default: vocabulary }] = await Promise.all([
    import('gpt-tokenizer/encoding/o200k_base'),
    import('gpt-tokenizer/bpeRanks/o200k_base'),
  ]);
  setMergeCacheSize(MERGE_CACHE_ENTRIES);
  // A token is text, or bytes where it ends inside a character.
  const lengths = new Uint16Array(vocabulary.length);
  vocabulary.forEach((token, rank) => {
    lengths[rank] = typeof token === 'string' ? Buffer.byteLength(token) : token.length;
  });
  // Text that looks like a special token is text like any other.
  const options = { disallowedSpecial: new Set<string>() };
  return (text, byteLength) => {
    const tokens = encode(text, options);
    let total = 0;
    const result = tokens.map((token) => {
      const length = lengths[token] ?? 0;
      total += length;
      return length;
    });
    // Fragments must be the text itself, byte by byte. Were the tokenizer ever to differ, the text goes out undivided.
    return total === byteLength ? result : [byteLength];
  };
}
