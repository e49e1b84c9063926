/** A word on what has just been done, which goes by itself. */
export interface Toast {
  id: number;
  text: string;
  /** What can be done about it while it is there. */
  action?: { label: string; run: () => Promise<unknown> };
}

/** The words of this visit, oldest first. They outlive the page that says them: what is deleted is left behind. */
export class Toasts {
  readonly #listeners = new Set<() => void>();
  #toasts: readonly Toast[] = [];
  #last = 0;

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  snapshot = (): readonly Toast[] => this.#toasts;

  say(toast: Omit<Toast, 'id'>): void {
    this.#last += 1;
    this.#set([...this.#toasts, { ...toast, id: this.#last }]);
  }

  dismiss(id: number): void {
    this.#set(this.#toasts.filter((toast) => toast.id !== id));
  }

  /** Takes all of them away: the account that they were about is gone from this page. */
  clear(): void {
    this.#set([]);
  }

  #set(toasts: readonly Toast[]): void {
    this.#toasts = toasts;
    for (const listener of this.#listeners) listener();
  }
}

export const toasts = new Toasts();
