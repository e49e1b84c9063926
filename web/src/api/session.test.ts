import { describe, expect, it, vi } from 'vitest';
import { Session } from './session';

const url = 'http://host.test/v1/me';

/** A server whose access token has ended until it is renewed. */
class Server {
  calls: string[] = [];
  valid = false;
  renewable = true;
  /** Whether the last sign-in is fresh enough for what is asked. */
  fresh = true;

  fetch: typeof fetch = async (input, init) => {
    const request = input instanceof Request ? input : new Request(new URL(String(input), 'http://host.test'), init);
    const path = new URL(request.url).pathname;
    this.calls.push(`${request.method} ${path} ${await request.text()}`.trim());
    await Promise.resolve();
    if (path === '/v1/auth/refresh') {
      this.valid = this.renewable;
      return new Response(null, { status: this.renewable ? 200 : 401 });
    }
    if (!this.valid) return new Response(null, { status: 401 });
    return this.fresh ? new Response() : Response.json({ reason: 'SIGN_IN_AGAIN' }, { status: 403 });
  };
}

/** Somebody who is never to be asked. */
const nobody = {
  ask: () => {
    throw new Error('nobody was to be asked');
  },
};

describe('a session', () => {
  it('sends a request once while the token lasts', async () => {
    const server = new Server();
    server.valid = true;
    expect((await new Session(nobody, server.fetch).send(new Request(url))).status).toBe(200);
    expect(server.calls).toEqual(['GET /v1/me']);
  });

  it('renews an ended token and sends the request again with its body', async () => {
    const server = new Server();
    const request = new Request(url, { method: 'PATCH', body: 'name' });
    expect((await new Session(nobody, server.fetch).send(request)).status).toBe(200);
    expect(server.calls).toEqual(['PATCH /v1/me name', 'POST /v1/auth/refresh', 'PATCH /v1/me name']);
  });

  it('renews once for many requests', async () => {
    const server = new Server();
    const session = new Session(nobody, server.fetch);
    const answers = await Promise.all([1, 2, 3, 4].map(() => session.send(new Request(url))));
    expect(answers.map((answer) => answer.status)).toEqual([200, 200, 200, 200]);
    expect(server.calls.filter((call) => call.includes('refresh'))).toHaveLength(1);
  });

  it('hands back the refusal when the session is over, and asks again the next time', async () => {
    const server = new Server();
    server.renewable = false;
    const session = new Session(nobody, server.fetch);
    expect((await session.send(new Request(url))).status).toBe(401);
    server.renewable = true;
    expect((await session.send(new Request(url))).status).toBe(200);
  });

  it('does not renew for a wrong password', async () => {
    const server = new Server();
    const request = new Request('http://host.test/v1/auth/login', { method: 'POST', body: '{}' });
    expect((await new Session(nobody, server.fetch).send(request)).status).toBe(401);
    expect(server.calls).toEqual(['POST /v1/auth/login {}']);
  });

  it('has the person confirm that it is them, and sends the request again with its body', async () => {
    const server = new Server();
    server.valid = true;
    server.fresh = false;
    const person = {
      ask: async () => {
        server.fresh = true;
        return true;
      },
    };
    const request = new Request(url, { method: 'POST', body: 'key' });
    expect((await new Session(person, server.fetch).send(request)).status).toBe(200);
    expect(server.calls).toEqual(['POST /v1/me key', 'POST /v1/me key']);
  });

  it('hands back the refusal, which can still be read, when the person does not confirm', async () => {
    const server = new Server();
    server.valid = true;
    server.fresh = false;
    const answer = await new Session({ ask: async () => false }, server.fetch).send(new Request(url));
    expect(answer.status).toBe(403);
    expect(await answer.json()).toEqual({ reason: 'SIGN_IN_AGAIN' });
    expect(server.calls).toEqual(['GET /v1/me']);
  });

  it('asks once: a server that is never satisfied gets no third request', async () => {
    const server = new Server();
    server.valid = true;
    server.fresh = false;
    const ask = vi.fn(async () => true);
    expect((await new Session({ ask }, server.fetch).send(new Request(url))).status).toBe(403);
    expect(ask).toHaveBeenCalledTimes(1);
  });

  it('does not ask about other refusals', async () => {
    const refuse: typeof fetch = async () => Response.json({ reason: 'ROLE_MISSING' }, { status: 403 });
    expect((await new Session(nobody, refuse).send(new Request(url))).status).toBe(403);
  });
});
