// The page's one session and its one live connection, by watchword-client, and the questions that both ask the person.
import { createLive, createSession, type SecondFactor } from "watchword-client";
import { root } from "./router";

/** A question to the person, which a dialog answers; null if it was dismissed. */
export interface Question<Answer> {
  resolve: (answer: Answer | null) => void;
}

type Asker<Answer> = (question: Question<Answer>) => void;

let askStepUp: Asker<true> | null = null;
let askCode: Asker<SecondFactor> | null = null;

/** Say which dialogs ask for a password again, and for a one-time code. */
export function askWith(stepUp: Asker<true>, code: Asker<SecondFactor>): void {
  askStepUp = stepUp;
  askCode = code;
}

const asked = <Answer>(asker: Asker<Answer> | null): Promise<Answer | null> =>
  asker === null ? Promise.resolve(null) : new Promise((resolve) => asker({ resolve }));

export const session = createSession({
  url: root.href,
  onStepUp: () => asked(askStepUp),
  onSecondFactor: () => asked(askCode),
});
export const live = createLive(session);
