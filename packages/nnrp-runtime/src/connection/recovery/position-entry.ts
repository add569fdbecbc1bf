import * as preview3 from 'nnrp-core/preview3';

/** The entry by which one side says how many packets of a session it means. @param type - what it says of them */
export function positionEntry(type: number, packets: number): preview3.ControlExtension {
  return { type, critical: false, payload: preview3.encodeResumePosition(packets) };
}

/** What such an entry says: undefined when there is none, -1 when it says nothing that can be. */
export function positionIn(extensions: readonly preview3.ControlExtension[], wanted: number): number | undefined {
  const payload = extensions.find(({ type }) => type === wanted)?.payload;
  return payload && (preview3.decodeResumePosition(payload) ?? -1);
}
