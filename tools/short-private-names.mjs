// Gives private members of classes short names in what is compiled: no other code can name them, and bundlers leave the names
// of properties as they are. Which they are, the types say, name by name: another member that is called the same keeps its name.
import ts from 'typescript';

const LETTERS = 'abcdefghijklmnopqrstuvwxyz';

/**
 * @param program - a package
 * @param mark - what all short names begin with: another one for each package
 * @returns a transformer for `before` of its emit
 */
export function shortPrivateNames(program, mark) {
  const checker = program.getTypeChecker();
  const names = shortNames(program, checker, mark);
  const shortOf = (symbol) => names.get(declarationOf(symbol));

  return (context) => {
    const { factory } = context;
    const visit = (node) => {
      if (ts.isIdentifier(node)) {
        const name = shortOf(symbolAt(node));
        return name === undefined ? node : renamed(node, name);
      }
      if (ts.isShorthandPropertyAssignment(node)) {
        const name = shortOf(checker.getShorthandAssignmentValueSymbol(node));
        if (name === undefined) return node;
        return ts.setTextRange(factory.createPropertyAssignment(node.name.text, factory.createIdentifier(name)), node);
      }
      if (ts.isBindingElement(node) && ts.isObjectBindingPattern(node.parent)) {
        const key = node.propertyName ?? node.name;
        const name = ts.isIdentifier(key)
          ? shortOf(checker.getTypeAtLocation(node.parent).getProperty(key.text))
          : undefined;
        if (name === undefined) return ts.visitEachChild(node, visit, context);
        const { dotDotDotToken, name: variable, initializer } = node;
        const value = initializer && ts.visitNode(initializer, visit);
        const own = ts.isIdentifier(variable) ? variable : ts.visitNode(variable, visit);
        return ts.setTextRange(
          factory.updateBindingElement(node, dotDotDotToken, factory.createIdentifier(name), own, value),
          node,
        );
      }
      if (ts.isElementAccessExpression(node) && ts.isStringLiteralLike(node.argumentExpression)) {
        if (shortOf(checker.getSymbolAtLocation(node.argumentExpression)) !== undefined)
          throw new Error(`${node.getSourceFile().fileName}: ${node.getText()} names a private member by a string`);
      }
      return ts.visitEachChild(node, visit, context);
    };
    const renamed = (node, name) => ts.setTextRange(ts.setOriginalNode(factory.createIdentifier(name), node), node);
    return (file) => ts.visitNode(file, visit);
  };

  function symbolAt(node) {
    return ts.isPartOfTypeNode(node) ? undefined : checker.getSymbolAtLocation(node);
  }
}

/** Declarations of private members, with their new names: the same few in all classes, but other ones than in what a class extends. */
function shortNames(program, checker, mark) {
  const uses = new Map();
  const classes = new Map();
  const look = (node) => {
    if (ts.isIdentifier(node) && !ts.isPartOfTypeNode(node)) {
      const declaration = declarationOf(checker.getSymbolAtLocation(node));
      if (declaration !== undefined) uses.set(declaration, (uses.get(declaration) ?? 0) + 1);
    }
    if (ts.isClassLike(node)) classes.set(node, privateMembers(node));
    ts.forEachChild(node, look);
  };
  for (const file of program.getSourceFiles()) if (!file.isDeclarationFile) look(file);

  const names = new Map();
  const baseOf = (node) => {
    const [base] = node.heritageClauses?.find(({ token }) => token === ts.SyntaxKind.ExtendsKeyword)?.types ?? [];
    let symbol = base && checker.getSymbolAtLocation(base.expression);
    if (symbol !== undefined && symbol.flags & ts.SymbolFlags.Alias) symbol = checker.getAliasedSymbol(symbol);
    return base && (symbol?.valueDeclaration ?? 'unknown');
  };
  const isKnown = (node) => node === undefined || (classes.has(node) && isKnown(baseOf(node)));
  const taken = (node) => (node === undefined ? 0 : classes.get(node).length + taken(baseOf(node)));

  // What a class extends may be in a variable, and then be any of them: it has names that no other has.
  let next = Math.max(0, ...[...classes.keys()].filter(isKnown).map(taken));
  for (const [node, members] of classes) {
    const first = isKnown(node) ? taken(baseOf(node)) : next;
    if (!isKnown(node)) next += members.length;
    members.sort((a, b) => (uses.get(b) ?? 0) - (uses.get(a) ?? 0));
    for (const [at, member] of members.entries()) names.set(member, `${mark}${letters(first + at)}`);
  }
  return names;
}

function privateMembers(node) {
  const parameters =
    node.members.find((member) => ts.isConstructorDeclaration(member) && member.body)?.parameters ?? [];
  const named = [...node.members, ...parameters].filter(
    (member) =>
      ts.getCombinedModifierFlags(member) & ts.ModifierFlags.Private && member.name && ts.isIdentifier(member.name),
  );
  // Of an overloaded method and of a pair of accessors, the first stands for all.
  return named.filter((member, at) => named.findIndex(({ name }) => name.text === member.name.text) === at);
}

function declarationOf(symbol) {
  return symbol?.declarations?.[0];
}

function letters(number) {
  const last = LETTERS[number % LETTERS.length];
  return number < LETTERS.length ? last : letters(Math.floor(number / LETTERS.length) - 1) + last;
}
