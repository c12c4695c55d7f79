/** What a document's text says of one of its operations. */
export interface OperationText {
  type: "query" | "mutation" | "subscription";
  name: string | undefined;
  /** How many fields it has at its root; a fragment, which may have several, counts as two or more. */
  roots: number;
}

const IGNORED = /"""[\s\S]*?(?<!\\)"""|"(?:\\.|[^"\\])*"|#[^\n\r]*/g;
const TOKEN = /[{}()]|\.{3}\s*(?:on\b)?|@?\w+\s*:?|\$\w+/g;

/** Find an operation in a document; the only one, or the first, if no name is given. */
export function operationOf(text: string, name?: string | null): OperationText | undefined {
  const found: OperationText[] = [];
  let braces = 0, parentheses = 0, head: string[] = [], roots = 0;
  for (const [token] of text.replace(IGNORED, '""').matchAll(TOKEN)) {
    if (token === "(") parentheses += 1;
    else if (token === ")") parentheses -= 1;
    else if (parentheses > 0) continue;
    else if (token === "{") braces += 1;
    else if (token === "}") {
      if (--braces > 0) continue;
      const [type = "query", called] = head;
      if (type !== "fragment") found.push({ type: type as "query", name: called, roots });
      head = [];
      roots = 0;
    } else if (braces === 0) head.push(token.trim());
    // An alias and its field are two words for one root.
    else if (braces === 1 && !token.startsWith("@") && !token.trim().endsWith(":")) roots += token.startsWith("...") ? 2 : 1;
  }
  return name ? found.find((each) => each.name === name) : found[0];
}
