// Adapters in Node.js, each with a session of its own. Options: url, password, kinds. Each line of stdin is done by all.
import { createInterface } from "node:readline";
import { follower } from "./followers.mjs";

const { kinds, ...options } = JSON.parse(process.env.CLIENT_OPTIONS);
const followers = kinds.map((kind) => {
  const say = (step, rest) => process.stdout.write(`${JSON.stringify({ ...rest, step, kind })}\n`);
  return follower(say, { ...options, kind });
});
for await (const line of createInterface({ input: process.stdin })) {
  const { do: name, ...given } = JSON.parse(line);
  for (const each of followers) each[name](given);
}
process.exit();
