// The certified OpenID provider `oidc-provider`, on a port of this machine, as others would run it.
//
// PROVIDER_OPTIONS is JSON: { port, audience, people: { alice: { email, roles… } }, alg }. Prints a line
// of JSON when it listens. `POST /-/rotate` makes it sign with another key, `/-/hang` answer nobody.

import { createServer } from 'node:http';
import { exportJWK, generateKeyPair } from 'jose';
import { Provider } from 'oidc-provider';

const { port = 0, audience, people, alg = 'ES256' } = JSON.parse(process.env.PROVIDER_OPTIONS);
console.info = console.warn = () => {};

const keys = [];
let issuer;
let answer;
let hangs = false;

async function rotate() {
  const { privateKey } = await generateKeyPair(alg, { extractable: true });
  const jwk = await exportJWK(privateKey);
  keys.unshift({ ...jwk, alg, use: 'sig', kid: `key-${keys.length + 1}` });
  answer = provider().callback();
}

function provider() {
  return new Provider(issuer, {
    jwks: { keys },
    clients: [
      {
        client_id: 'machine',
        client_secret: 'a secret of a machine',
        grant_types: ['client_credentials'],
        redirect_uris: [],
        response_types: [],
      },
      {
        client_id: 'front',
        token_endpoint_auth_method: 'none',
        redirect_uris: ['http://127.0.0.1/callback'],
        id_token_signed_response_alg: alg,
        application_type: 'native',
      },
    ],
    clientDefaults: { id_token_signed_response_alg: alg },
    conformIdTokenClaims: false,
    claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'] },
    findAccount: (_ctx, id) => ({ accountId: id, claims: () => ({ sub: id, ...people[id] }) }),
    extraTokenClaims: (_ctx, token) => people[token.accountId ?? token.clientId],
    cookies: { keys: ['a key of cookies'] },
    features: {
      devInteractions: { enabled: true },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => audience,
        useGrantedResource: () => true,
        getResourceServerInfo: () => ({
          audience,
          scope: 'incidents:read incidents:write',
          accessTokenFormat: 'jwt',
          accessTokenTTL: 3600,
          jwt: { sign: { alg } },
        }),
      },
    },
    ttl: { AccessToken: 3600, ClientCredentials: 3600, Grant: 3600, IdToken: 3600, Interaction: 600, Session: 600 },
  });
}

const server = createServer(async (request, response) => {
  if (request.url === '/-/rotate') {
    await rotate();
    response.end();
  } else if (request.url === '/-/hang') {
    hangs = true;
    response.end();
  } else if (!hangs) {
    answer(request, response);
  }
});

server.listen(port, '127.0.0.1', async () => {
  issuer = `http://127.0.0.1:${server.address().port}`;
  await rotate();
  process.stdout.write(`${JSON.stringify({ issuer })}\n`);
});
