/**
 * Asks somebody to prove once more that they are the owner of the account, and lets what waits for it go on.
 *
 * However many requests were refused for it at the same time, one question serves them all. A dialog of the shell puts
 * the question into words; where no dialog listens, nobody could answer, so the question is answered with no.
 */
export class Confirmation {
  #question: { answered: Promise<boolean>; settle: (confirmed: boolean) => void } | null = null;
  readonly #listeners = new Set<() => void>();

  /** Whether the question is open. */
  get isAsked(): boolean {
    return this.#question !== null;
  }

  /** Asks, and resolves to whether it was confirmed. */
  ask(): Promise<boolean> {
    if (this.#listeners.size === 0) return Promise.resolve(false);
    if (this.#question === null) {
      let settle: (confirmed: boolean) => void = () => undefined;
      const answered = new Promise<boolean>((resolve) => (settle = resolve));
      this.#question = { answered, settle };
      this.#tell();
    }
    return this.#question.answered;
  }

  /** Answers the question, if there is one. */
  settle(confirmed: boolean): void {
    const question = this.#question;
    this.#question = null;
    question?.settle(confirmed);
    this.#tell();
  }

  /** Calls the listener whenever a question is asked or answered. Returns what ends it. */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
      // Whoever could have answered is gone.
      if (this.#listeners.size === 0) this.settle(false);
    };
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }
}

/** The question of this browser tab. */
export const confirmation = new Confirmation();
