import { register } from 'node:module';

/* Faults are planted into classes that packages do not export: their modules have to be loaded one by one. */
register('./resolve.js', import.meta.url);
