import { WireError } from 'nnrp-core';

/*
 * handwritten-*.ts are what a careful person writes by hand for the same structures: DataView reads and writes, the
 * same checks in the same order, one object literal. They are the yardstick of the generated code.
 */

/** Out of line, so that the accepting path stays small. */
export function refuse(where: string): never {
  throw new WireError({ kind: 'invalid_combination', rule: 'refused' }, where);
}
