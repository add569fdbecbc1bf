import { Option } from 'commander';

const REVISIONS = ['preview3', 'preview4', 'auto'] as const;

/** What a client speaks. */
export type ClientRevision = (typeof REVISIONS)[number];

/** `--revision` of commands that connect to a server. */
export function revisionOption(): Option {
  return new Option(
    '-r, --revision <name>',
    'speak NNRP/1-<name>; auto: preview4, or preview3 where the server closes at its hello. Servers of other libraries speak one of them',
  )
    .choices(REVISIONS)
    .default('preview3' satisfies ClientRevision);
}
