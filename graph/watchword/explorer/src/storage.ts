// GraphiQL's storage, without headers: GraphiQL stores none with its tabs, but it does in its history.

/** Return a JSON text without its headers. */
function stripped(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), (name, value: unknown) => (name === "headers" ? null : value));
  } catch {
    return text;
  }
}

export const storage = {
  get length(): number {
    return localStorage.length;
  },
  getItem: (key: string): string | null => localStorage.getItem(key),
  removeItem: (key: string): void => localStorage.removeItem(key),
  clear: (): void => localStorage.clear(),
  setItem: (key: string, value: string): void => localStorage.setItem(key, stripped(value)),
};
