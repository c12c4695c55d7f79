// Binds tokens to a key. A script of its own, so that a page whose tokens need no key does not have it.
export { createDpop } from "watchword-client/dpop";
