// The resolvers of the servers that have no permissions of their own: each field asks for itself.
import { GraphQLError } from 'graphql'
import { made, publishMany, resolvers } from './material.mjs'

function need ({ person }, scope) {
  if (!person) throw new GraphQLError('not authenticated')
  if (scope && !person.scopes.has(scope)) throw new GraphQLError(`needs scope ${scope}`)
}

export const serving = pubsub => ({
  ...resolvers(need, context => context.person),
  Mutation: {
    postUpdate: async (_, { incidentId, body }, context) => {
      need(context)
      const update = made(body, incidentId)
      pubsub.publish('updates', update)
      return update
    },
    publish: (_, { times, rate }, context) => {
      need(context)
      return publishMany(update => pubsub.publish('updates', update), times, rate)
    }
  },
  Subscription: {
    incidentUpdates: {
      subscribe: (_, __, context) => {
        need(context)
        return pubsub.subscribe('updates')
      },
      resolve: update => update
    },
    myUpdates: {
      subscribe: (_, __, context) => {
        need(context)
        return pubsub.subscribe('updates')
      },
      resolve: (update, _, { person }) => ({ ...update, visibility: person.id })
    }
  }
})
