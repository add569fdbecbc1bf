export function stampBuild(folder: string): void;
export function isFresh(name: string): boolean;
export function requireFreshBuilds(...names: string[]): void;
