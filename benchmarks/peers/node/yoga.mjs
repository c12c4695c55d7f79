// GraphQL Yoga with graphql-ws, as its documentation sets it up, and remembered tokens.
import { createServer } from 'node:http'
import { createPubSub, createSchema, createYoga } from 'graphql-yoga'
import { useServer } from 'graphql-ws/use/ws'
import { WebSocketServer } from 'ws'
import { serving } from './guarded.mjs'
import { personOf, port, sdl } from './material.mjs'

const yoga = createYoga({
  schema: createSchema({ typeDefs: sdl, resolvers: serving(createPubSub()) }),
  logging: false,
  graphiql: false,
  maskedErrors: false,
  context: ({ req }) => req ? { person: personOf(req.headers.authorization) } : {}
})
const server = createServer(yoga)
useServer({
  execute: given => given.rootValue.execute(given),
  subscribe: given => given.rootValue.subscribe(given),
  onConnect: connection => {
    connection.extra.person = personOf(connection.connectionParams?.authorization)
    return connection.extra.person !== null
  },
  onSubscribe: async (connection, id, params) => {
    const { schema, execute, subscribe, contextFactory, parse, validate } = yoga.getEnveloped({
      ...connection, socket: connection.extra.socket, params
    })
    const given = {
      schema,
      operationName: params.operationName,
      document: parse(params.query),
      variableValues: params.variables,
      contextValue: { ...await contextFactory(), person: connection.extra.person },
      rootValue: { execute, subscribe }
    }
    const errors = validate(given.schema, given.document)
    return errors.length ? errors : given
  }
}, new WebSocketServer({ server, path: '/graphql' }))
server.listen({ port, host: '127.0.0.1', backlog: 4096 })
