// What the Node.js peers share: the data, the check of tokens, and resolvers without permissions.
// BENCH_HOME is the folder that benchmarks/home.py has written.
import fs from 'node:fs'
import { createVerifier } from 'fast-jwt'

const HOME = process.env.BENCH_HOME
const read = name => fs.readFileSync(`${HOME}/${name}`, 'utf8')
const trust = JSON.parse(read('trust.json'))
const data = JSON.parse(read('data.json'))
const users = new Map(data.users.map(each => [each.id, each]))
const services = new Map(data.services.map(each => [each.id, each]))
const byId = new Map(data.incidents.map(each => [each.id, each]))

export const sdl = read('schema.graphql')
export const port = Number(process.env.BENCH_PORT)

// Tokens are remembered: fast-jwt checks each token's signature once.
const verify = createVerifier({
  key: trust.key,
  algorithms: ['RS256'],
  allowedIss: trust.issuer,
  allowedAud: trust.audience,
  requiredClaims: ['exp', 'nbf', 'iss', 'aud', 'sub'],
  cache: 10_000
})

export function personOf (authorization) {
  if (!authorization?.startsWith('Bearer ')) return null
  try {
    const claims = verify(authorization.slice(7))
    return { id: claims.sub, name: claims.name, roles: claims.roles, scopes: new Set(claims.scope.split(' ')) }
  } catch {
    return null
  }
}

export const made = (body, incident_id = 'i3') =>
  ({ id: 'new', body, visibility: 'PUBLIC', author_id: 'u1', incident_id })

const stamped = () => `T${process.hrtime.bigint().toString().padStart(20, '0')} we are looking into it`

// Publishes `times` events, `rate` a second, or one for each turn of the loop if it is 0.
export async function publishMany (publish, times, rate) {
  const began = performance.now()
  for (let number = 0; number < times; number++) {
    const wait = rate ? began + number * 1000 / rate - performance.now() : 0
    await new Promise(resolve => wait > 0 ? setTimeout(resolve, wait) : setImmediate(resolve))
    await publish(made(stamped()))
  }
  return times
}

// The resolvers; `need(context, scope)` throws if the field is not for this person, or is left out where
// the server's own permissions do it.
export const resolvers = (need, personIn) => ({
  Query: {
    viewer: async (_, __, context) => {
      need?.(context)
      const { id, name, roles } = personIn(context)
      return { id, name, roles }
    },
    incidents: async (_, { first }, context) => {
      need?.(context)
      return data.incidents.slice(0, first)
    }
  },
  Incident: {
    internalNotes: (incident, _, context) => {
      need?.(context, 'incident:internal')
      return incident.notes
    },
    commander: incident => users.get(incident.commander_id),
    services: incident => incident.service_ids.map(each => services.get(each)),
    updates: (incident, { first }) => incident.posted.slice(0, first)
  },
  Update: {
    author: update => users.get(update.author_id),
    incident: update => byId.get(update.incident_id)
  }
})
