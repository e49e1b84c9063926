import { type KeyboardEvent, type MouseEvent, useId, useRef } from 'react';
import { clamp, type Point } from '../edits/model';
import { pointWords } from '../edits/words';
import { newGesture, nudge } from './gestures';
import { useDrag } from './use-drag';

interface FocusMarkProps {
  focus: Point | null;
  /** Where the mark waits while no focus is set. */
  otherwise: Point;
  onChange: (focus: Point | null, gesture: string) => void;
}

/** The point that stays in view: set by a click anywhere in the picture, moved by dragging its mark or by keys. */
export function FocusMark({ focus, otherwise, onChange }: FocusMarkProps) {
  const hint = useId();
  const keys = useRef('');
  const { x, y } = focus ?? otherwise;
  const drag = useDrag<Point>({
    begin: () => ({ x, y }),
    onMove: (start, across, down, gesture) => onChange(inside(start.x + across, start.y + down), gesture),
  });

  const press = (event: KeyboardEvent) => {
    const by = nudge(event.key);
    const removes = event.key === 'Delete' || event.key === 'Backspace';
    const sets = event.key === 'Enter' || event.key === ' ';
    if (!by && !removes && !sets) return;
    event.preventDefault();
    if (!event.repeat) keys.current = newGesture();
    const far = event.shiftKey ? 5 : 1;
    if (by) onChange(inside(x + far * by[0], y + far * by[1]), keys.current);
    else if (removes && focus) onChange(null, keys.current);
    else if (sets && !focus) onChange({ x, y }, keys.current);
  };

  return (
    <div
      className="focus-layer"
      onClick={(event: MouseEvent<HTMLElement>) => {
        // The end of a drag is a click, too; it has set the point already.
        if (event.target !== event.currentTarget) return;
        const box = event.currentTarget.getBoundingClientRect();
        onChange(inside((event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height), newGesture());
      }}
    >
      <div
        className="focus-mark"
        data-unset={focus ? undefined : true}
        style={{ left: `${x * 100}%`, top: `${y * 100}%` }}
        role="slider"
        tabIndex={0}
        aria-label="Focus point"
        aria-roledescription="point"
        aria-describedby={hint}
        aria-valuenow={Math.round(x * 100)}
        aria-valuetext={focus ? pointWords(focus) : 'Not set: found by Linkarooie'}
        onKeyDown={press}
        {...drag}
      />
      <p className="unseen" id={hint}>
        Arrow keys move it, with Shift further. Delete takes it away.
      </p>
    </div>
  );
}

function inside(x: number, y: number): Point {
  return { x: clamp(x, 0, 1), y: clamp(y, 0, 1) };
}
