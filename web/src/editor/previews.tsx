import { useState } from 'react';
import type { Edits, Image, SlotName } from '../api/types';
import { Button } from '../components/button';
import { Segments } from '../components/segments';
import { customSlots, editFor, withoutOverrides } from '../edits/model';
import { SlotPreview } from './slot-preview';
import type { Place } from './slots';

interface PreviewsProps {
  image: Image;
  edits: Edits;
  /** The same as they were a moment ago: what previews are asked for. */
  settled: Edits;
  places: Place[];
  /** The place whose own edit is being made. */
  place: Place | undefined;
  onPlace: (key: string | undefined) => void;
  onChange: (edits: Edits) => void;
}

/** What each place would get, as it shows it. */
export function Previews({ image, edits, settled, places, place, onPlace, onChange }: PreviewsProps) {
  const [kind, setKind] = useState<SlotName>(place?.kind ?? 'avatar');
  const [areZonesShown, setZonesShown] = useState(false);
  const custom = customSlots(edits);
  const reset = (slots: string[]) => {
    onChange(withoutOverrides(edits, slots));
    if (place && slots.includes(place.key)) onPlace(undefined);
  };
  return (
    <section className="stack" aria-labelledby="previews">
      <div className="row row-between">
        <h2 id="previews">What each place gets</h2>
        <Segments
          label="Show"
          value={kind}
          options={[
            ['avatar', 'Avatars'],
            ['banner', 'Banners'],
          ]}
          onChange={setKind}
        />
      </div>
      <div className="row row-between">
        <label className="check">
          <input type="checkbox" checked={areZonesShown} onChange={() => setZonesShown(!areZonesShown)} />
          Safe zones
        </label>
        {custom.length > 0 && (
          <p className="row">
            <span>Custom ({custom.length})</span>
            <Button onClick={() => reset(custom)}>Reset all to default</Button>
          </p>
        )}
      </div>
      <ul className="previews">
        {places
          .filter((other) => other.kind === kind)
          .map((other) => (
            <SlotPreview
              key={other.key}
              image={image}
              place={other}
              edit={editFor(settled, other.key)}
              isBehind={editFor(settled, other.key) !== editFor(edits, other.key)}
              isCustom={custom.includes(other.key)}
              isChosen={other === place}
              areZonesShown={areZonesShown}
              onChoose={() => onPlace(other.key)}
              onReset={() => reset([other.key])}
            />
          ))}
      </ul>
    </section>
  );
}
