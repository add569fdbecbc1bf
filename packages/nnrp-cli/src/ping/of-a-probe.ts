/** What a probe wants: one answer, within so many seconds, and no more said than what came of it. */
export const OF_A_PROBE = { count: 1, timeout: 2, quiet: true } as const;
