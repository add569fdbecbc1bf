/** A revision of the wire by its name. */
export type RevisionName = 'preview3' | 'preview4';

/** What an option may say of it; `auto`: the first packets of a connection tell. */
export const REVISION_CHOICES = ['preview3', 'preview4', 'auto'] as const;
export type RevisionChoice = (typeof REVISION_CHOICES)[number];
