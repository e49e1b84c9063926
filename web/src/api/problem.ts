/** One field that the server refused, and why. */
export interface FieldProblem {
  field: string;
  detail: string;
}

interface ProblemParts {
  status: number;
  reason: string;
  title: string;
  detail: string;
  errors?: FieldProblem[];
  retryAfterSeconds?: number | undefined;
  reference?: string | undefined;
}

/** Answers that may be better the next time, without anybody doing anything. */
const PASSING = new Set([0, 408, 425, 429, 502, 503, 504]);

/**
 * What went wrong with a request, in words for people; the only error that the API layer throws.
 *
 * Made from the server's `application/problem+json` (RFC 9457). `status` is 0 when no answer came at all.
 */
export class Problem extends Error {
  readonly status: number;
  /** UPPER_SNAKE, for programs. */
  readonly reason: string;
  readonly title: string;
  readonly detail: string;
  readonly errors: FieldProblem[];
  readonly retryAfterSeconds: number | undefined;
  /** The same as a moment of this machine's clock, in milliseconds. */
  readonly retryAt: number | undefined;
  /** What support needs to find the request in the logs. */
  readonly reference: string | undefined;

  constructor(parts: ProblemParts) {
    super(parts.detail || parts.title);
    this.name = 'Problem';
    this.status = parts.status;
    this.reason = parts.reason;
    this.title = parts.title;
    this.detail = parts.detail;
    this.errors = parts.errors ?? [];
    this.retryAfterSeconds = parts.retryAfterSeconds;
    this.retryAt = parts.retryAfterSeconds === undefined ? undefined : Date.now() + parts.retryAfterSeconds * 1000;
    this.reference = parts.reference;
  }

  /** Reads the body of a refused request. A body that is no problem document still makes a Problem. */
  static read(status: number, headers: Pick<Headers, 'get'>, body: string): Problem {
    const document = parseObject(body);
    const retryAfter = Number(document.retry_after ?? headers.get('retry-after') ?? Number.NaN);
    return new Problem({
      status,
      reason: text(document.reason) || `HTTP_${status}`,
      title: text(document.title) || 'That did not work',
      detail: text(document.detail) || fallback(status),
      errors: readFields(document.errors),
      retryAfterSeconds: Number.isFinite(retryAfter) ? Math.max(0, retryAfter) : undefined,
      reference: text(document.reference) || headers.get('x-request-id') || undefined,
    });
  }

  /** No answer came: no network, or the server is not there. */
  static unreachable(): Problem {
    return new Problem({
      status: 0,
      reason: 'UNREACHABLE',
      title: 'Linkarooie cannot be reached',
      detail: 'The server did not answer. Check your connection, then try again.',
    });
  }

  /** Wraps whatever else was thrown, so that every page can show it the same way. */
  static from(error: unknown): Problem {
    if (error instanceof Problem) return error;
    return new Problem({
      status: 0,
      reason: 'CLIENT_ERROR',
      title: 'This page stumbled',
      detail: 'Something went wrong on this page. Load it again; if it comes back, please tell us what you did.',
    });
  }

  /** Whether the same request may work later as it is. */
  get passing(): boolean {
    return this.reason !== 'CLIENT_ERROR' && PASSING.has(this.status);
  }

  /** Whether the session is over. */
  get unauthenticated(): boolean {
    return this.status === 401;
  }

  /** What the server says of one field of a form. */
  forField(field: string): string | undefined {
    return this.errors.find((error) => error.field === field)?.detail;
  }
}

function parseObject(body: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(body);
    return value !== null && typeof value === 'object' ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function readFields(value: unknown): FieldProblem[] {
  if (!Array.isArray(value)) return [];
  return value.flatMap((entry: unknown) => {
    const { field, detail } = (entry ?? {}) as Record<string, unknown>;
    return typeof field === 'string' && typeof detail === 'string' ? [{ field, detail }] : [];
  });
}

function fallback(status: number): string {
  if (status === 404) return 'There is nothing here, or it is not yours.';
  if (status === 413) return 'The file is larger than the server takes.';
  if (status === 429) return 'Too many requests in a short time. Wait a moment, then try again.';
  if (status >= 500) return 'The server has trouble at the moment. Try again shortly; nothing you entered is lost.';
  return 'The server refused this.';
}
