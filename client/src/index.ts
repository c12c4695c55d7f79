export { Session, createSession, type SessionEvents, type SessionOptions, type SessionState } from "./session.js";
export { Live, createLive, type LiveEvents, type LiveOptions, type Observer } from "./live.js";
export { WatchwordError, type Answer, type GraphQLFault } from "./errors.js";
export { memoryStore, type Credentials, type Kept, type SecondFactor, type StepUpCredentials, type Store } from "./sign-in.js";
export type { Claims } from "./claims.js";
export type { Clock } from "./clock.js";
export type { Document, VariablesOf } from "./document.js";
export type { ExecuteOptions, StepUpNeed } from "./operations.js";
export type { Prover } from "./requests.js";
