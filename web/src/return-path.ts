/** Where to go on after logging in: a path of this site, never another one's address. */
export function safeReturnPath(value: unknown): string | undefined {
  if (typeof value !== 'string' || !value.startsWith('/') || !URL.canParse(value, 'http://here.invalid'))
    return undefined;
  // `//host`, `/\host` and control characters are read by browsers as other sites.
  const resolved = new URL(value, 'http://here.invalid');
  if (resolved.host !== 'here.invalid') return undefined;
  return resolved.pathname + resolved.search + resolved.hash;
}

/** Whether a path belongs to the server, such as the way back from a platform, and not to a page of this client. */
export function isServerPath(path: string): boolean {
  return path.startsWith('/v1/');
}
