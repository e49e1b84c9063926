/** The browser is at another address than the one that this installation was told is its own. */
export interface WrongAddress {
  /** The same page at the installation's own address. */
  right: string;
  /** As an operator would set it to what the browser uses. */
  here: string;
  /** Two names of the same machine, which browsers take for two sites. */
  bothLocal: boolean;
}

/**
 * Compares the address in the browser with the installation's own. Cookies, the providers' way back and the check of
 * where a request comes from all hold for one address, so signing in at another one cannot work.
 */
export function wrongAddress(publicUrl: string, href: string): WrongAddress | undefined {
  if (!URL.canParse(publicUrl)) return undefined;
  const here = new URL(href);
  const own = new URL(publicUrl);
  if (own.origin === here.origin) return undefined;
  return {
    right: own.origin + here.pathname + here.search + here.hash,
    here: here.origin,
    bothLocal: isLocal(own) && isLocal(here) && own.port === here.port && own.protocol === here.protocol,
  };
}

const isLocal = ({ hostname }: URL) => hostname === 'localhost' || hostname === '[::1]' || hostname.startsWith('127.');
