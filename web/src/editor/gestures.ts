let last = 0;

/** A name for what belongs together, such as the whole way of a dragged corner or of a key held down: one step to undo. */
export function newGesture(): string {
  last += 1;
  return `gesture ${last}`;
}

const ARROWS: Record<string, readonly [number, number]> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

/** How far a press of an arrow key goes, in parts of the picture. */
const NUDGE = 0.01;

/** Where an arrow key leads, across and down in parts of the picture; null for other keys. */
export function nudge(key: string): readonly [number, number] | null {
  const arrow = ARROWS[key];
  return arrow ? [arrow[0] * NUDGE, arrow[1] * NUDGE] : null;
}
