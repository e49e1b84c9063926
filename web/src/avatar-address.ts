/** The address that gives an avatar to everybody, as a picture of so many pixels a side. */
export function avatarAddress(origin: string, name: string, size?: number): string {
  const query = size === undefined ? '' : `?s=${size}`;
  return `${origin}/avatar/${encodeURIComponent(name)}${query}`;
}

/** What to paste into a page's HTML. Twice the pixels, for screens that have them. */
export function avatarSnippet(origin: string, name: string, alt: string, side: number): string {
  const address = avatarAddress(origin, name, 2 * side);
  return `<img src="${escaped(address)}" width="${side}" height="${side}" alt="${escaped(alt)}">`;
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('"', '&quot;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
