import { useId, useRef } from 'react';
import { type Handle, HANDLES, type Limits, LOWER_RIGHT, moved, resized } from '../edits/cropping';
import { type Box, sameBox, WHOLE } from '../edits/model';
import { cropWords } from '../edits/words';
import { newGesture, nudge } from './gestures';
import { useDrag } from './use-drag';

interface CropFrameProps {
  crop: Box;
  limits: Limits;
  onChange: (crop: Box, gesture: string) => void;
}

/** The part that stays, to be moved by its inside and resized by its handles; by keys as well. */
export function CropFrame({ crop, limits, onChange }: CropFrameProps) {
  const hint = useId();
  const keys = useRef('');
  const isWhole = sameBox(crop, WHOLE);
  const drag = useDrag<{ crop: Box; handle: Handle | undefined }>({
    begin: ({ target }) => {
      const name = (target as HTMLElement).dataset.handle;
      const handle = HANDLES.find((other) => other.name === name);
      // What is as large as the picture has nowhere to go; a finger there scrolls the page.
      return isWhole && !handle ? null : { crop, handle };
    },
    onMove: ({ crop: start, handle }, across, down, gesture) =>
      onChange(handle ? resized(start, handle, across, down, limits) : moved(start, across, down), gesture),
  });
  return (
    <>
      <div
        className="crop-frame"
        data-whole={isWhole || undefined}
        style={{
          left: `${crop.left * 100}%`,
          top: `${crop.top * 100}%`,
          width: `${(crop.right - crop.left) * 100}%`,
          height: `${(crop.bottom - crop.top) * 100}%`,
        }}
        role="slider"
        tabIndex={0}
        aria-label="Crop"
        aria-roledescription="crop frame"
        aria-describedby={hint}
        aria-valuenow={Math.round(crop.left * 100)}
        aria-valuetext={cropWords(crop, limits.size)}
        onKeyDown={(event) => {
          const by = nudge(event.key);
          if (!by) return;
          event.preventDefault();
          if (!event.repeat) keys.current = newGesture();
          const [across, down] = by;
          const next = event.shiftKey ? resized(crop, LOWER_RIGHT, across, down, limits) : moved(crop, across, down);
          if (!sameBox(next, crop)) onChange(next, keys.current);
        }}
        {...drag}
      >
        {HANDLES.map(({ name }) => (
          <span key={name} className={`crop-handle crop-handle-${name}`} data-handle={name} />
        ))}
      </div>
      <p className="unseen" id={hint}>
        Arrow keys move it. Shift and arrow keys change its size.
      </p>
    </>
  );
}
