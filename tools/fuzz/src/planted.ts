export async function runPlanted(_seed: number): Promise<number> {
  return 0;
}
