/** The longest time a timer of Node can wait, in milliseconds; a longer one would fire at once. */
export const MAX_TIMER_MS = 0x7fffffff;
