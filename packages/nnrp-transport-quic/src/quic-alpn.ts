/** Name of NNRP over QUIC, agreed on by ALPN. @see NNRP/1-preview3 section 2 */
export const QUIC_ALPN = 'nnrp/1';
