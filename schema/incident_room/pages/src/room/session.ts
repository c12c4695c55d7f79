// The page's one session and its one live connection, by watchword-client, and the questions that both ask the person.
import { createLive, createSession, type SecondFactor, type StepUpNeed } from "watchword-client";
import { proverOf } from "./bound";
import { given, root } from "./router";

/** A question to the person, which a dialog answers; null if it was dismissed. */
export interface Question<Answer, About = null> {
  about: About;
  resolve: (answer: Answer | null) => void;
}

type Asker<Answer, About = null> = (question: Question<Answer, About>) => void;

let askStepUp: Asker<true, StepUpNeed> | null = null;
let askCode: Asker<SecondFactor> | null = null;

/** Say which dialogs ask for another authentication, and for a one-time code. */
export function askWith(stepUp: Asker<true, StepUpNeed>, code: Asker<SecondFactor>): void {
  askStepUp = stepUp;
  askCode = code;
}

const asked = <Answer, About>(asker: Asker<Answer, About> | null, about: About): Promise<Answer | null> =>
  asker === null ? Promise.resolve(null) : new Promise((resolve) => asker({ about, resolve }));

export const session = createSession({
  url: root.href,
  dpop: proverOf(given),
  onStepUp: (need) => asked(askStepUp, need),
  onSecondFactor: () => asked(askCode, null),
});
export const live = createLive(session);
