// GraphQL Code Generator writes documents as syntax trees without their text; `print` of graphql-js would be a
// dependency. Only what an executable document may contain is here (GraphQL, October 2021, section 2).

// The members of a node depend on its kind.
type Node = any;

/** Print a node that may have a name, and what may follow that. */
const named = (node: Node): string =>
  print(node.alias, "", ": ") +
  print(node.name) +
  print(node.typeCondition, " on ") +
  print(node.variableDefinitions, "(", ")") +
  print(node.arguments, "(", ")") +
  print(node.directives, " ") +
  print(node.selectionSet, " ");

const printers: Record<string, (node: Node) => string> = {
  Document: (node) => print(node.definitions),
  OperationDefinition: (node) => `${node.operation} ${named(node)}`,
  FragmentDefinition: (node) => `fragment ${named(node)}`,
  VariableDefinition: (node) => print(node.variable) + print(node.type, ": ") + print(node.defaultValue, " = ") + named(node),
  SelectionSet: (node) => print(node.selections, "{ ", " }"),
  Field: named,
  FragmentSpread: (node) => `...${named(node)}`,
  InlineFragment: (node) => `...${named(node)}`,
  Directive: (node) => `@${named(node)}`,
  Argument: (node) => named(node) + print(node.value, ": "),
  ObjectField: (node) => named(node) + print(node.value, ": "),
  Variable: (node) => `$${named(node)}`,
  NamedType: named,
  ListType: (node) => print(node.type, "[", "]"),
  NonNullType: (node) => print(node.type, "", "!"),
  NullValue: () => "null",
  // JSON's escapes are GraphQL's.
  StringValue: (node) => JSON.stringify(node.value),
  ListValue: (node) => `[${print(node.values)}]`,
  ObjectValue: (node) => `{ ${print(node.fields)} }`,
};

/**
 * Print a syntax tree as graphql-js and GraphQL Code Generator make it, or a list of them, in one line, between `start`
 * and `end`. Returns an empty text if there is none. GraphQL needs no commas.
 */
export function print(node: Node | readonly Node[] | undefined, start = "", end = ""): string {
  if (!node || node.length === 0) return "";
  if (Array.isArray(node)) return start + node.map((each) => print(each)).join(" ") + end;
  const printer = printers[node.kind];
  // Names, numbers, booleans and enums have their value only.
  if (!printer && !("value" in node)) throw new TypeError(`This is no executable GraphQL document: ${node.kind}`);
  return start + (printer ? printer(node) : node.value) + end;
}
