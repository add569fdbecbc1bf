/** How many packets of a session have been sent since it was opened, as the peer counts those that it receives. */
export class SentCount {
  packets = 0;
  /** Frame of the last FRAME_SUBMIT among them; 0 before the first. */
  lastSubmit = 0;
  /** For the log: between which bytes of all that was sent its packets lie; ids are used again. */
  from = 0;
  to = Number.POSITIVE_INFINITY;

  constructor(readonly sessionId: number) {}
}
