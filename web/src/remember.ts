/** A set of words that this browser keeps. Where it keeps nothing (private windows), the set just starts empty again. */
export interface RememberedSet {
  read(): ReadonlySet<string>;
  add(words: string[]): ReadonlySet<string>;
}

export function rememberSet(name: string): RememberedSet {
  const read = () => {
    try {
      const stored: unknown = JSON.parse(localStorage.getItem(name) ?? '[]');
      return new Set(Array.isArray(stored) ? stored.filter((word) => typeof word === 'string') : []);
    } catch {
      return new Set<string>();
    }
  };
  return {
    read,
    add(words) {
      const all = new Set([...read(), ...words]);
      try {
        localStorage.setItem(name, JSON.stringify([...all]));
      } catch {
        // Full or forbidden: it holds for this visit.
      }
      return all;
    },
  };
}
