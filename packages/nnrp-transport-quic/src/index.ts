/**
 * The transport kind of QUIC, as listeners and connectors report it and as `NnrpServerConfig.transport` names it. On
 * the wire QUIC is transport_id 1.
 *
 * @see NNRP/1-preview3 section 12.3
 */
export const TRANSPORT_KIND = 'quic';
