type Guard = () => Promise<boolean>;

/**
 * Asks those who would lose something before the account is left in a way that is no step to another page, such as by logging out.
 */
export class Leaving {
  readonly #guards = new Set<Guard>();

  /** Has `ask` decide from now on. Returns what ends it. */
  guard(ask: Guard): () => void {
    this.#guards.add(ask);
    return () => this.#guards.delete(ask);
  }

  /** Resolves to whether all of them let go. */
  async isAllowed(): Promise<boolean> {
    for (const ask of this.#guards) if (!(await ask())) return false;
    return true;
  }
}

/** The guards of this browser tab. */
export const leaving = new Leaving();
