import { type PointerEvent, useRef } from 'react';
import { newGesture } from './gestures';

interface Drag<Start> {
  pointer: number;
  x: number;
  y: number;
  /** What was there when it began. */
  start: Start;
  gesture: string;
}

interface DragOptions<Start> {
  /** What to begin with; null where nothing can be dragged there. */
  begin: (event: PointerEvent<HTMLElement>) => Start | null;
  /** By how much the pointer is away from where it began, in parts of the element that holds the dragged one. */
  onMove: (start: Start, across: number, down: number, gesture: string) => void;
}

/** Lets an element be dragged with a mouse, a finger or a pen. What it comes to is worked out from where it began, so that nothing adds up. */
export function useDrag<Start>({ begin, onMove }: DragOptions<Start>) {
  const drag = useRef<Drag<Start> | null>(null);
  const end = (event: PointerEvent<HTMLElement>) => {
    if (drag.current?.pointer === event.pointerId) drag.current = null;
  };
  return {
    onPointerDown: (event: PointerEvent<HTMLElement>) => {
      if (!event.isPrimary || event.button !== 0) return;
      const start = begin(event);
      if (start === null) return;
      event.currentTarget.setPointerCapture(event.pointerId);
      drag.current = { pointer: event.pointerId, x: event.clientX, y: event.clientY, start, gesture: newGesture() };
    },
    onPointerMove: (event: PointerEvent<HTMLElement>) => {
      const box = event.currentTarget.parentElement?.getBoundingClientRect();
      if (drag.current?.pointer !== event.pointerId || !box) return;
      const { x, y, start, gesture } = drag.current;
      onMove(start, (event.clientX - x) / box.width, (event.clientY - y) / box.height, gesture);
    },
    onPointerUp: end,
    onPointerCancel: end,
  };
}
