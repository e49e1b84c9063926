/** A key under which the server does the same thing only once. */
export function newIdempotencyKey(): string {
  // Not crypto.randomUUID, which browsers hold back on plain http, where a home server may well live.
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
