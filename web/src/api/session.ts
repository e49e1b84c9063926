import { type Confirmation, confirmation } from './confirmation';
import { Problem } from './problem';

/**
 * Keeps a browser session alive: sends a request and, if the access token has ended, renews it once and sends again.
 *
 * However many requests find the token ended at the same time, one renewal serves them all. Where the server wants a
 * fresher sign-in than this one, it has the person asked, and sends the request again once they have confirmed.
 */
export class Session {
  readonly #confirmation: Pick<Confirmation, 'ask'>;
  readonly #fetch: typeof fetch;
  #renewal: Promise<boolean> | null = null;

  constructor(asked: Pick<Confirmation, 'ask'>, fetcher: typeof fetch = (input, init) => fetch(input, init)) {
    this.#confirmation = asked;
    this.#fetch = fetcher;
  }

  /** Sends a request. Throws what `fetch` throws; an answer of 401 means that the session is over. */
  async send(request: Request): Promise<Response> {
    const again = request.clone();
    const response = await this.#sendRenewed(request);
    if (!(await wantsFreshSignIn(response))) return response;
    return (await this.#confirmation.ask()) ? this.#sendRenewed(again) : response;
  }

  async #sendRenewed(request: Request): Promise<Response> {
    const again = request.clone();
    const response = await this.#fetch(request);
    if (response.status !== 401 || isAboutSessions(request.url)) return response;
    return (await this.renew()) ? this.#fetch(again) : response;
  }

  /** Exchanges the refresh cookie for a new pair; false when the session is over. */
  renew(): Promise<boolean> {
    this.#renewal ??= this.#renewOnce().finally(() => {
      this.#renewal = null;
    });
    return this.#renewal;
  }

  async #renewOnce(): Promise<boolean> {
    // The refresh token travels in its cookie, so there is nothing to say.
    const response = await this.#fetch('/v1/auth/refresh', { method: 'POST' });
    return response.ok;
  }
}

/** The session of this browser. */
export const session = new Session(confirmation);

async function wantsFreshSignIn(response: Response): Promise<boolean> {
  if (response.status !== 403) return false;
  return Problem.read(403, response.headers, await response.clone().text()).reason === 'SIGN_IN_AGAIN';
}

/** Logging in and renewing answer 401 for reasons of their own, which a renewal cannot help. */
function isAboutSessions(url: string): boolean {
  return new URL(url).pathname.startsWith('/v1/auth/');
}
