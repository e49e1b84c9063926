/** Larger files are refused anyway, and would have to be read whole. */
const MAX_HASHED_BYTES = 64_000_000;

/** The SHA-256 of a file in lower-case hex. Null where it is not to be had: on plain http, browsers hold it back. */
export async function hashOf(
  file: Blob,
  subtle: Pick<SubtleCrypto, 'digest'> | null = globalThis.crypto.subtle ?? null,
): Promise<string | null> {
  if (!subtle || file.size > MAX_HASHED_BYTES) return null;
  const digest = await subtle.digest('SHA-256', await file.arrayBuffer());
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
