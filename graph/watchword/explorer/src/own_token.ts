// A subscription with a token of the headers editor: as server-sent events, until the token ends. It is not renewed.
import type { Request } from "./followed.js";
import { ENDPOINT } from "./page.js";

/** Yield the answers of a subscription as the server sends them; one that is refused yields its errors. */
export async function* followWith(headers: Record<string, string>, request: Request): AsyncGenerator<object> {
  const response = await fetch(ENDPOINT, {
    method: "POST",
    headers: { ...headers, accept: "text/event-stream", "content-type": "application/json" },
    body: JSON.stringify(request),
    credentials: "same-origin",
  });
  const isStream = response.headers.get("content-type")?.startsWith("text/event-stream");
  if (!isStream || response.body === null) {
    yield (await response.json()) as object;
    return;
  }
  let rest = "";
  // Not every browser iterates over a stream.
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  try {
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      const events = (rest + part.value).split("\n\n");
      rest = events.pop()!;
      for (const event of events) yield* answersOf(event);
    }
  } finally {
    // The subscription ends with its reader.
    void reader.cancel().catch(() => {});
  }
}

function* answersOf(event: string): Generator<object> {
  const data = event.split("\n").filter((line) => line.startsWith("data:"));
  const text = data.map((line) => line.slice(5).trim()).join("\n");
  if (text) yield JSON.parse(text) as object;
}
