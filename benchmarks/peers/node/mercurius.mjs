// Mercurius with its compiler and mercurius-auth, and remembered tokens.
import Fastify from 'fastify'
import mercurius from 'mercurius'
import auth from 'mercurius-auth'
import { made, personOf, port, publishMany, resolvers, sdl } from './material.mjs'

const guarded = 'directive @auth(scope: String) on FIELD_DEFINITION\n' + sdl
  .replace('internalNotes: String', 'internalNotes: String @auth(scope: "incident:internal")')
  .replace(/^ {2}(viewer|incidents|postUpdate|publish|incidentUpdates|myUpdates)(.*)$/gm, '  $1$2 @auth')

const update = (topic, change) => ({ subscribe: (_, __, { pubsub }) => pubsub.subscribe(topic), resolve: change })

const app = Fastify({ logger: false })
app.register(mercurius, {
  schema: guarded,
  jit: 1,
  resolvers: {
    ...resolvers(null, context => context.auth.person),
    Mutation: {
      postUpdate: async (_, { incidentId, body }, { pubsub }) => {
        const payload = made(body, incidentId)
        await pubsub.publish({ topic: 'updates', payload })
        return payload
      },
      publish: (_, { times, rate }, { pubsub }) =>
        publishMany(payload => pubsub.publish({ topic: 'updates', payload }), times, rate)
    },
    Subscription: {
      incidentUpdates: update('updates', each => each),
      myUpdates: update('updates', (each, _, context) => ({ ...each, visibility: context.person.id }))
    }
  },
  subscription: {
    onConnect: data => {
      const person = personOf(data.payload?.authorization)
      return person ? { person } : false
    }
  }
})
app.register(auth, {
  authContext: context => ({
    person: context.reply ? personOf(context.reply.request.headers.authorization) : context.person
  }),
  applyPolicy: async (directive, parent, args, context) => {
    const person = context.auth?.person ?? context.person
    const scope = directive.arguments[0]?.value.value
    return Boolean(person) && (!scope || person.scopes.has(scope))
  },
  authDirective: 'auth'
})
await app.listen({ port, host: '127.0.0.1', backlog: 4096 })
