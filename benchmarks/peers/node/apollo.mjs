// Apollo Server on Express with graphql-ws, as its documentation sets it up, and remembered tokens.
import { createServer } from 'node:http'
import { ApolloServer } from '@apollo/server'
import { expressMiddleware } from '@as-integrations/express5'
import express from 'express'
import { createPubSub, createSchema } from 'graphql-yoga'
import { useServer } from 'graphql-ws/use/ws'
import { WebSocketServer } from 'ws'
import { serving } from './guarded.mjs'
import { personOf, port, sdl } from './material.mjs'

const schema = createSchema({ typeDefs: sdl, resolvers: serving(createPubSub()) })
const apollo = new ApolloServer({ schema, includeStacktraceInErrorResponses: false })
await apollo.start()
const app = express()
app.use('/graphql', express.json(), expressMiddleware(apollo, {
  context: async ({ req }) => ({ person: personOf(req.headers.authorization) })
}))
const server = createServer(app)
useServer({
  schema,
  onConnect: connection => {
    connection.extra.person = personOf(connection.connectionParams?.authorization)
    return connection.extra.person !== null
  },
  context: connection => ({ person: connection.extra.person })
}, new WebSocketServer({ server, path: '/graphql' }))
server.listen({ port, host: '127.0.0.1', backlog: 4096 })
