import { describe, expect, it } from 'vitest';
import { Session } from './session';

const url = 'http://host.test/v1/me';

/** A server whose access token has ended until it is renewed. */
class Server {
  calls: string[] = [];
  valid = false;
  renewable = true;

  fetch: typeof fetch = async (input, init) => {
    const request = input instanceof Request ? input : new Request(new URL(String(input), 'http://host.test'), init);
    const path = new URL(request.url).pathname;
    this.calls.push(`${request.method} ${path} ${await request.text()}`.trim());
    await Promise.resolve();
    if (path === '/v1/auth/refresh') {
      this.valid = this.renewable;
      return new Response(null, { status: this.renewable ? 200 : 401 });
    }
    return new Response(null, { status: this.valid ? 200 : 401 });
  };
}

describe('a session', () => {
  it('sends a request once while the token lasts', async () => {
    const server = new Server();
    server.valid = true;
    expect((await new Session(server.fetch).send(new Request(url))).status).toBe(200);
    expect(server.calls).toEqual(['GET /v1/me']);
  });

  it('renews an ended token and sends the request again with its body', async () => {
    const server = new Server();
    const request = new Request(url, { method: 'PATCH', body: 'name' });
    expect((await new Session(server.fetch).send(request)).status).toBe(200);
    expect(server.calls).toEqual(['PATCH /v1/me name', 'POST /v1/auth/refresh', 'PATCH /v1/me name']);
  });

  it('renews once for many requests', async () => {
    const server = new Server();
    const session = new Session(server.fetch);
    const answers = await Promise.all([1, 2, 3, 4].map(() => session.send(new Request(url))));
    expect(answers.map((answer) => answer.status)).toEqual([200, 200, 200, 200]);
    expect(server.calls.filter((call) => call.includes('refresh'))).toHaveLength(1);
  });

  it('hands back the refusal when the session is over, and asks again the next time', async () => {
    const server = new Server();
    server.renewable = false;
    const session = new Session(server.fetch);
    expect((await session.send(new Request(url))).status).toBe(401);
    server.renewable = true;
    expect((await session.send(new Request(url))).status).toBe(200);
  });

  it('does not renew for a wrong password', async () => {
    const server = new Server();
    const request = new Request('http://host.test/v1/auth/login', { method: 'POST', body: '{}' });
    expect((await new Session(server.fetch).send(request)).status).toBe(401);
    expect(server.calls).toEqual(['POST /v1/auth/login {}']);
  });
});
