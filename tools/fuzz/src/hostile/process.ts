import { type Casting, play } from './processes.js';

/* One process of a hostile run. */

play(JSON.parse(process.env['NNRP_FUZZ_CASTING'] ?? '{}') as Casting);
