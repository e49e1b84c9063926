import createClient from 'openapi-fetch';
import { Problem } from './problem';
import type { paths } from './schema';
import { session } from './session';

/** The gateway, typed by its own OpenAPI document. Calls go through `answer`, which leaves only the good case. */
export const api = createClient<paths>({ baseUrl: location.origin, fetch: (request) => session.send(request) });

/** Returns what a call brought. Throws a Problem for everything else. */
export async function answer<T>(call: Promise<{ data?: T; response: Response; error?: unknown }>): Promise<T> {
  return (await answerWithResponse(call)).data;
}

/** Like `answer`, for the few callers that need a header, too. */
export async function answerWithResponse<T>(
  call: Promise<{ data?: T; response: Response; error?: unknown }>,
): Promise<{ data: T; response: Response }> {
  let result: Awaited<typeof call>;
  try {
    result = await call;
  } catch {
    throw Problem.unreachable();
  }
  const { data, response, error } = result;
  if (!response.ok) {
    const body = typeof error === 'string' ? error : JSON.stringify(error ?? {});
    throw Problem.read(response.status, response.headers, body);
  }
  return { data: data as T, response };
}
