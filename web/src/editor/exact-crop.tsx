import { TextField } from '../components/field';
import { Button } from '../components/button';
import { inPixels, ofPixels, type PixelBox } from '../edits/cropping';
import type { Box, Size } from '../edits/model';
import { entries } from '../forms';

const FIELDS = [
  ['x', 'Left'],
  ['y', 'Top'],
  ['width', 'Width'],
  ['height', 'Height'],
] as const satisfies readonly (readonly [keyof PixelBox, string])[];

interface ExactCropProps {
  crop: Box;
  /** Of the turned picture. */
  size: Size;
  onChange: (crop: Box) => void;
}

/** The crop in figures: for those who know them, and for those who do not drag. */
export function ExactCrop({ crop, size, onChange }: ExactCropProps) {
  const pixels = inPixels(crop, size);
  return (
    <details>
      <summary>
        Exact figures: {pixels.width} × {pixels.height} px
      </summary>
      <form
        className="exact-crop"
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          const typed = entries(event.currentTarget, ['x', 'y', 'width', 'height']);
          const figure = (name: keyof PixelBox) => {
            const value = Number.parseInt(typed[name], 10);
            return Number.isFinite(value) ? value : pixels[name];
          };
          onChange(
            ofPixels({ x: figure('x'), y: figure('y'), width: figure('width'), height: figure('height') }, size),
          );
        }}
      >
        {FIELDS.map(([name, label]) => (
          // Another crop is another figure.
          <TextField
            key={`${name} ${pixels[name]}`}
            label={label}
            name={name}
            type="number"
            inputMode="numeric"
            defaultValue={pixels[name]}
          />
        ))}
        <Button type="submit">Set</Button>
      </form>
    </details>
  );
}
