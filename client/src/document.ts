import { print } from "./print.js";

/**
 * A document that knows the types of its data and variables: a text, `TypedDocumentNode` or `TypedDocumentString` of
 * GraphQL Code Generator, or what `gql` and `parse` return.
 */
export type Document<Data = unknown, Variables = Record<string, unknown>> =
  | string
  | (object & { readonly __apiType?: ((variables: Variables) => Data) | undefined });

/** The arguments that follow a document: its variables may be left out if none is required. */
export type VariablesOf<Variables> = [Record<string, never>] extends [Variables]
  ? [variables?: Variables]
  : object extends Variables
    ? [variables?: Variables]
    : [variables: Variables];

const texts = new WeakMap<object, string>();

/** Return the text of a document. */
export function textOf(document: Document<never, never> | string | object): string {
  if (typeof document === "string") return document;
  let text = texts.get(document);
  if (text === undefined) {
    const source = (document as { loc?: { source?: { body?: string } } }).loc?.source?.body;
    text = "kind" in document ? (source ?? print(document)) : String(document);
    texts.set(document, text);
  }
  return text;
}
