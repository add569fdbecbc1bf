/** How many cuts a run is to have: NNRP_CUTS, or few enough for every day. */
export function cutsWanted(usual = 25): number {
  return Number(process.env['NNRP_CUTS'] ?? usual);
}

/** What a run is drawn from: NNRP_SEED, or another one each time. */
export function seedWanted(): number {
  return Number(process.env['NNRP_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
}
