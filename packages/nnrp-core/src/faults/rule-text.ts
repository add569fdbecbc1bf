/** One sentence on a broken rule, and where its page explains it. @param rule - its name, such as FSUB-1 */
export function describeRule(rule: string): string {
  return `rule ${rule} is broken, see nnrp-core/docs/rules.md#${rule.toLowerCase()}`;
}
