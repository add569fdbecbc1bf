/*
 * Modules of Node.js that few processes need, loaded when they are first used: node:tls with node:crypto takes a
 * megabyte, which V8 counts against a small process when it decides how often to collect garbage.
 */

export const nodeTls = () => process.getBuiltinModule('node:tls');
export const nodeCrypto = () => process.getBuiltinModule('node:crypto');
export const nodeCluster = () => process.getBuiltinModule('node:cluster') as unknown as { readonly isWorker: boolean };
