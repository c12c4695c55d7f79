import { text } from 'node:stream/consumers';
import { createRemoteJWKSet, jwtVerify } from 'jose';

const keys = createRemoteJWKSet(new URL('http://127.0.0.1:8000/.well-known/jwks.json'));
const { payload } = await jwtVerify((await text(process.stdin)).trim(), keys, {
  issuer: 'http://127.0.0.1:8000',
  audience: 'watchword',
  typ: 'at+jwt', // an access token, and no other kind
  algorithms: ['ES256'],
});
console.log(payload.sub);
