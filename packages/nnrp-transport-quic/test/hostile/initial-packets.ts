/** Of an Initial with ids of 16 bytes. */
const TOKEN_AT = 6 + 16 + 1 + 16;

export const isInitial = (datagram: Buffer) => ((datagram[0] as number) & 0xf0) === 0xc0;
export const isRetry = (datagram: Buffer) => ((datagram[0] as number) & 0xf0) === 0xf0;
/** Of an Initial with ids of 16 bytes. */
export const hasToken = (datagram: Buffer) => isInitial(datagram) && datagram[TOKEN_AT] !== 0;
