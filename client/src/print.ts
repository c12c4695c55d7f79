// GraphQL Code Generator writes documents as syntax trees without their text; `print` of graphql-js would be a
// dependency. Only what an executable document may contain is here (GraphQL, October 2021, section 2).

// The members of a node depend on its kind.
type Node = any;

const list = (nodes: Node[] | undefined, between: string, start = "", end = ""): string =>
  nodes?.length ? start + nodes.map((node) => print(node)).join(between) + end : "";
const directives = (node: Node): string => list(node.directives, " ", " ");
const args = (node: Node): string => list(node.arguments, ", ", "(", ")");
/** Print what follows the name of a part: its directives and its selection set. */
const rest = (node: Node): string => directives(node) + print(node.selectionSet, " ");

const printers: Record<string, (node: Node) => string> = {
  Document: (node) => list(node.definitions, "\n"),
  OperationDefinition: (node) => node.operation + print(node.name, " ") + list(node.variableDefinitions, ", ", "(", ")") + rest(node),
  FragmentDefinition: (node) => `fragment ${print(node.name)} on ${print(node.typeCondition)}` + rest(node),
  VariableDefinition: (node) => `${print(node.variable)}: ${print(node.type)}` + print(node.defaultValue, " = ") + directives(node),
  SelectionSet: (node) => `{ ${list(node.selections, " ")} }`,
  Field: (node) => print(node.alias, "", ": ") + print(node.name) + args(node) + rest(node),
  FragmentSpread: (node) => `...${print(node.name)}` + directives(node),
  InlineFragment: (node) => `...${print(node.typeCondition, " on ")}` + rest(node),
  Directive: (node) => `@${print(node.name)}` + args(node),
  Argument: (node) => `${print(node.name)}: ${print(node.value)}`,
  ObjectField: (node) => printers.Argument!(node),
  Variable: (node) => `$${print(node.name)}`,
  NamedType: (node) => print(node.name),
  ListType: (node) => `[${print(node.type)}]`,
  NonNullType: (node) => `${print(node.type)}!`,
  NullValue: () => "null",
  // JSON's escapes are GraphQL's.
  StringValue: (node) => JSON.stringify(node.value),
  ListValue: (node) => `[${list(node.values, ", ")}]`,
  ObjectValue: (node) => `{ ${list(node.fields, ", ")} }`,
};

/**
 * Print a syntax tree as graphql-js and GraphQL Code Generator make it, in one line, between `start` and `end`. Returns
 * an empty text for no tree.
 */
export function print(node: Node, start = "", end = ""): string {
  if (!node) return "";
  const printer = printers[node.kind];
  // Names, numbers, booleans and enums have their value only.
  if (!printer && !("value" in node)) throw new TypeError(`This is no executable GraphQL document: ${node.kind}`);
  return start + (printer ? printer(node) : node.value) + end;
}
