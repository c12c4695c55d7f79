/** A server-sent event; a comment comes as one without a name. */
export interface StreamEvent {
  event: string;
  data: string;
  /** The event's id. */
  cursor: string | undefined;
}

/**
 * Read server-sent events (HTML, section 9.2), and call back for each, until that returns false. It is no async generator,
 * which Hermes, React Native's engine, does not know.
 */
export async function readEvents(body: ReadableStream<Uint8Array>, hear: (event: StreamEvent) => boolean): Promise<void> {
  const reader = body.pipeThrough(new TextDecoderStream() as ReadableWritablePair<string, Uint8Array>).getReader();
  const parser = new Parser();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    for (const event of parser.read(value)) if (!hear(event)) return;
  }
}

/** Looks at each character once, however a hostile server cuts its lines: `+=` does not copy what it adds to. */
class Parser {
  #line = "";
  // Set after a carriage return at the end of a chunk: a line feed may belong to it.
  #isAfterReturn = false;
  #event = "";
  #data: string[] = [];
  #cursor: string | undefined;

  /** Return the events that end in this chunk of the stream. */
  *read(chunk: string): Generator<StreamEvent> {
    const text = this.#isAfterReturn && chunk.startsWith("\n") ? chunk.slice(1) : chunk;
    this.#isAfterReturn = chunk.endsWith("\r");
    const [rest, ...lines] = text.split(/\r\n|\r|\n/);
    this.#line += rest;
    for (const next of lines) {
      if (this.#line === "") yield this.#dispatch();
      else this.#add(this.#line);
      this.#line = next;
    }
  }

  #add(line: string): void {
    const colon = line.indexOf(":"), name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(line[colon + 1] === " " ? colon + 2 : colon + 1);
    if (name === "event") this.#event = value;
    else if (name === "data") this.#data.push(value);
    else if (name === "id") this.#cursor = value;
  }

  #dispatch(): StreamEvent {
    const event = { event: this.#event, data: this.#data.join("\n"), cursor: this.#cursor };
    this.#event = "";
    this.#data = [];
    this.#cursor = undefined;
    return event;
  }
}
