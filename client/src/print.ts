// GraphQL Code Generator writes documents as syntax trees without their text; `print` of graphql-js would be a
// dependency. Only what an executable document may contain is here (GraphQL, October 2021, section 2).

interface Node {
  kind: string;
  [member: string]: unknown;
}

// The members of a node depend on its kind.
type Printer = (node: any) => string;

const list = (nodes: unknown, between: string): string => ((nodes ?? []) as Node[]).map(print).join(between);
const wrap = (start: string, text: string, end = ""): string => (text ? start + text + end : "");
const block = (set: unknown): string => (set ? print(set as Node) : "");
const directives = (node: Record<string, unknown>): string => wrap(" ", list(node["directives"], " "));
const args = (node: Record<string, unknown>): string => wrap("(", list(node["arguments"], ", "), ")");

const printers: Record<string, Printer> = {
  Document: (node) => list(node.definitions, "\n"),
  OperationDefinition: (node) =>
    `${node.operation}${wrap(" ", node.name ? print(node.name) : "")}` +
    `${wrap("(", list(node.variableDefinitions, ", "), ")")}${directives(node)} ${block(node.selectionSet)}`,
  FragmentDefinition: (node) =>
    `fragment ${print(node.name)} on ${print(node.typeCondition)}${directives(node)} ${block(node.selectionSet)}`,
  VariableDefinition: (node) =>
    `${print(node.variable)}: ${print(node.type)}` +
    `${wrap(" = ", node.defaultValue ? print(node.defaultValue) : "")}${directives(node)}`,
  SelectionSet: (node) => `{ ${list(node.selections, " ")} }`,
  Field: (node) =>
    `${wrap("", node.alias ? print(node.alias) : "", ": ")}${print(node.name)}${args(node)}${directives(node)}` +
    wrap(" ", block(node.selectionSet)),
  FragmentSpread: (node) => `...${print(node.name)}${directives(node)}`,
  InlineFragment: (node) =>
    `...${wrap(" on ", node.typeCondition ? print(node.typeCondition) : "")}${directives(node)} ${block(node.selectionSet)}`,
  Directive: (node) => `@${print(node.name)}${args(node)}`,
  Argument: (node) => `${print(node.name)}: ${print(node.value)}`,
  ObjectField: (node) => `${print(node.name)}: ${print(node.value)}`,
  Variable: (node) => `$${print(node.name)}`,
  Name: (node) => node.value,
  NamedType: (node) => print(node.name),
  ListType: (node) => `[${print(node.type)}]`,
  NonNullType: (node) => `${print(node.type)}!`,
  IntValue: (node) => node.value,
  FloatValue: (node) => node.value,
  EnumValue: (node) => node.value,
  BooleanValue: (node) => String(node.value),
  NullValue: () => "null",
  // JSON's escapes are GraphQL's.
  StringValue: (node) => JSON.stringify(node.value),
  ListValue: (node) => `[${list(node.values, ", ")}]`,
  ObjectValue: (node) => `{ ${list(node.fields, ", ")} }`,
};

/** Print a syntax tree as graphql-js and GraphQL Code Generator make it, in one line. */
export function print(node: object): string {
  const { kind } = node as Node;
  const printer = printers[kind];
  if (!printer) throw new TypeError(`This is no executable GraphQL document: ${kind}`);
  return printer(node);
}
