export { type Admin, createAdmin } from './admin.js';
export type { AdminOptions } from './admin-options.js';
