// The two other subgraphs of Apollo's compatibility suite, by Apollo's own library. Prints their addresses and, for a
// line on its input, the tokens of the requests that came to them.
import { createServer } from "node:http";
import { createInterface } from "node:readline";
import { buildSubgraphSchema } from "@apollo/subgraph";
import { GraphQLError, parse } from "graphql";
import { createHandler } from "graphql-http/lib/use/http";

const FEDERATION = `extend schema @link(url: "https://specs.apollo.dev/federation/v2.3",
  import: ["@key", "@requires", "@shareable", "@external"])`;

const users = {
  typeDefs: `${FEDERATION}
    type User @key(fields: "email") {
      email: ID!
      name: String
      totalProductsCreated: Int @shareable
      yearsOfEmployment: Int!
    }
    type Query { user(email: ID!): User }`,
  resolvers: {
    Query: { user: (_, { email }) => find(email) },
    User: { __resolveReference: ({ email }) => find(email) },
  },
};

function find(email) {
  const known = email === "support@apollographql.com";
  return known ? { email, name: "Another Name", totalProductsCreated: 10, yearsOfEmployment: 10 } : null;
}

const inventory = {
  typeDefs: `${FEDERATION}
    type Product @key(fields: "id") {
      id: ID!
      dimensions: ProductDimension @external
      delivery(zip: String): DeliveryEstimates @requires(fields: "dimensions { size weight }")
    }
    type ProductDimension @shareable { size: String weight: Float }
    type DeliveryEstimates { estimatedDelivery: String fastestDelivery: String }
    interface Inventory @key(fields: "id") { id: ID! products: [Product!]! }
    type OpenSourceInventory implements Inventory @key(fields: "id") { id: ID! products: [Product!]! }
    type Query { inventory(id: ID!): Inventory }`,
  resolvers: {
    Query: {
      inventory: (_, { id }) => ({
        __typename: "OpenSourceInventory",
        id,
        products: [{ __typename: "Product", id: "apollo-federation" }],
      }),
    },
    Product: {
      delivery({ id, dimensions }, { zip }) {
        const given = JSON.stringify([id, dimensions?.size, dimensions?.weight, zip]);
        if (given !== '["apollo-federation","small",1,"94111"]') throw new GraphQLError(`not ${given}`);
        return { estimatedDelivery: "5/1/2019", fastestDelivery: "5/1/2019" };
      },
    },
  },
};

const tokens = new Set();

function say(step, rest) {
  process.stdout.write(`${JSON.stringify({ step, ...rest })}\n`);
}

function serve({ typeDefs, resolvers }) {
  const module = { typeDefs: parse(typeDefs), resolvers };
  const handler = createHandler({ schema: buildSubgraphSchema([module]) });
  const server = createServer((request, response) => {
    tokens.add(request.headers.authorization ?? null);
    handler(request, response);
  });
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => resolve(`http://127.0.0.1:${server.address().port}/`));
  });
}

say("serving", {
  users: await serve(users),
  inventory: await serve(inventory),
});
for await (const _ of createInterface({ input: process.stdin })) say("tokens", { tokens: [...tokens] });
process.exit();
