/** What was done, step by step, so that it can be undone and done again. Values are never changed in place. */
export interface History<Value> {
  past: readonly Value[];
  present: Value;
  future: readonly Value[];
  /** What the last step is part of, while that goes on. */
  gesture: string | null;
}

/** Nobody goes back further, and steps are small. */
const MOST_STEPS = 200;

export function startHistory<Value>(present: Value): History<Value> {
  return { past: [], present, future: [], gesture: null };
}

/** Takes a step. Steps of one gesture, such as the way of a dragged corner, are one. */
export function step<Value>(history: History<Value>, present: Value, gesture: string | null = null): History<Value> {
  if (gesture !== null && gesture === history.gesture) return { ...history, present, future: [] };
  return { past: [...history.past, history.present].slice(-MOST_STEPS), present, future: [], gesture };
}

export function undo<Value>(history: History<Value>): History<Value> {
  const before = history.past.at(-1);
  if (before === undefined) return history;
  return {
    past: history.past.slice(0, -1),
    present: before,
    future: [history.present, ...history.future],
    gesture: null,
  };
}

export function redo<Value>(history: History<Value>): History<Value> {
  const [after, ...future] = history.future;
  if (after === undefined) return history;
  return { past: [...history.past, history.present], present: after, future, gesture: null };
}
