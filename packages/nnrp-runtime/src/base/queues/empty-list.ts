/** In place of an empty list where most stay empty: never added to. */
export const EMPTY_LIST = /* @__PURE__ */ Object.freeze([]) as unknown as never[];
