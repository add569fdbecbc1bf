/** No bytes. Never handed to an application, which could transfer its memory away. */
export const EMPTY_BYTES: Uint8Array = /* @__PURE__ */ new Uint8Array(0);
