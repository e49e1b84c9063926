// A certified OpenID provider on a free port, for the tests. Prints one line of JSON, `{"issuer": …}`, when it listens, and ends with its
// standard input.
//
//   node server.mjs '{"redirect_uris": [...]}'
//
// Nobody types here: `POST /interaction/UID?person=SUB&claims=JSON` signs that person in and consents, `POST /interaction/UID?error=CODE`
// does not.
// `POST /rotate` signs with new keys from now on; the old ones are published no more.

import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import { Provider } from 'oidc-provider';

const { redirect_uris } = JSON.parse(process.argv[2]);
const people = new Map();
const cookieKeys = [randomBytes(32).toString('hex')];

// One client for each way that ID tokens are signed and that secrets are shown. Signs that forms and headers encode are in the secrets.
const CLIENTS = [
  ['rs256', 'RS256', 'client_secret_basic'],
  ['es256', 'ES256', 'client_secret_basic'],
  ['eddsa', 'EdDSA', 'client_secret_basic'],
  ['ps256', 'PS256', 'client_secret_basic'],
].map(([client_id, id_token_signed_response_alg, token_endpoint_auth_method]) => ({
  client_id,
  client_secret: `${client_id} secret: 100% +/&`,
  redirect_uris,
  id_token_signed_response_alg,
  token_endpoint_auth_method,
}));

function newKeys() {
  const pairs = [
    generateKeyPairSync('rsa', { modulusLength: 2048 }),
    generateKeyPairSync('ec', { namedCurve: 'P-256' }),
    generateKeyPairSync('ed25519'),
  ];
  return pairs.map(({ privateKey }) => ({ ...privateKey.export({ format: 'jwk' }), use: 'sig' }));
}

function newProvider(issuer) {
  return new Provider(issuer, {
    clients: CLIENTS,
    jwks: { keys: newKeys() },
    cookies: { keys: cookieKeys },
    enabledJWA: { idTokenSigningAlgValues: ['RS256', 'PS256', 'ES256', 'EdDSA'] },
    claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'] },
    findAccount: (_, sub) => ({ accountId: sub, claims: () => ({ sub, ...people.get(sub) }) }),
    features: { devInteractions: { enabled: false } },
    interactions: { url: (_, { uid }) => `/interaction/${uid}` },
    pkce: { required: () => true },
    ttl: { Interaction: 600, Session: 600, Grant: 600, AccessToken: 600, AuthorizationCode: 60, IdToken: 600 },
  });
}

async function interact(request, response, query) {
  const { params } = await provider.interactionDetails(request, response);
  const error = query.get('error');
  if (error) {
    return provider.interactionFinished(request, response, { error, error_description: 'As the test wants it.' });
  }
  const accountId = query.get('person');
  people.set(accountId, JSON.parse(query.get('claims')));
  const grant = new provider.Grant({ accountId, clientId: params.client_id });
  grant.addOIDCScope(params.scope);
  return provider.interactionFinished(request, response, {
    login: { accountId },
    consent: { grantId: await grant.save() },
  });
}

let provider;
const server = createServer(async (request, response) => {
  const url = new URL(request.url, 'http://localhost');
  if (request.method === 'POST' && url.pathname === '/rotate') {
    provider = newProvider(provider.issuer);
    response.writeHead(204).end();
  } else if (url.pathname.startsWith('/interaction/')) {
    await interact(request, response, url.searchParams);
  } else {
    await provider.callback()(request, response);
  }
});

server.listen(0, '127.0.0.1', () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  provider = newProvider(issuer);
  console.log(JSON.stringify({ issuer }));
});
process.stdin.on('end', () => process.exit(0)).resume();
