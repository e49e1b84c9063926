import { describe, expect, it } from 'vitest';
import { Problem } from './problem';

const none = new Headers();

describe('a problem', () => {
  it('carries what the problem document says', () => {
    const body = JSON.stringify({
      type: 'about:blank',
      title: 'Not a picture we can use',
      status: 400,
      detail: 'The file has 12 bytes.',
      reason: 'BROKEN',
      errors: [{ field: 'file', detail: 'is cut off' }],
      reference: 'r-1',
    });
    const problem = Problem.read(400, none, body);
    expect(problem).toMatchObject({
      status: 400,
      reason: 'BROKEN',
      reference: 'r-1',
      message: 'The file has 12 bytes.',
    });
    expect(problem.forField('file')).toBe('is cut off');
    expect(problem.forField('alt_text')).toBeUndefined();
    expect(problem.passing).toBe(false);
  });

  it('is made of any other answer too', () => {
    const problem = Problem.read(502, new Headers({ 'x-request-id': 'r-2' }), '<html>Bad gateway</html>');
    expect(problem).toMatchObject({ status: 502, reason: 'HTTP_502', reference: 'r-2', errors: [] });
    expect(problem.detail).toContain('Try again');
    expect(problem.passing).toBe(true);
  });

  it.each([
    ['the body', { retry_after: 7 }, none, 7],
    ['the header', {}, new Headers({ 'retry-after': '30' }), 30],
    ['nobody', {}, none, undefined],
    ['a date, which is passed over', {}, new Headers({ 'retry-after': 'Wed, 21 Oct 2026 07:28:00 GMT' }), undefined],
  ])('learns how long to wait from %s', (_, body, headers, seconds) => {
    expect(Problem.read(429, headers, JSON.stringify(body)).retryAfterSeconds).toBe(seconds);
  });

  it.each(['null', '[]', '"x"', '{"errors": [null, 3, {"field": 1}]}', ''])('survives the body %s', (body) => {
    expect(Problem.read(400, none, body).errors).toEqual([]);
  });

  it('passes problems on and wraps everything else', () => {
    const problem = Problem.unreachable();
    expect(Problem.from(problem)).toBe(problem);
    expect(Problem.from(new TypeError('x is undefined'))).toMatchObject({ reason: 'CLIENT_ERROR', passing: false });
  });
});
