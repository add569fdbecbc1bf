/** The options of an interface with their comments. One without is declared beside, or like, the one before it. */
export function optionComments(name: string, code: string): [option: string, comment: string][] {
  const [, body = ''] = new RegExp(`interface ${name}(?: extends [^{]+)? {\n([\\s\\S]*?)\n}`).exec(code) ?? [];
  const options: [string, string][] = [];
  let text = '';
  for (const [, comment, option] of body.matchAll(/ {2}\/\*\*([\s\S]*?)\*\/| {2}readonly (\w+)/g)) {
    if (option === undefined) {
      const line = (comment ?? '').replaceAll(/\s*\n\s*\*\s?/g, ' ').trim();
      text = line.replaceAll(/{@link ([\w.]+)}/g, '`$1`').replaceAll('|', '\\|');
    } else {
      options.push([option, text === '' ? `see \`${options.at(-1)?.[0]}\`` : text]);
      text = '';
    }
  }
  return options;
}
