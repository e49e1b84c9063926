import { useQuery } from '@tanstack/react-query';
import { type Preview, previewQuery } from '../api/edits';
import { Problem } from '../api/problem';
import type { Edit, Image, SafeZone } from '../api/types';
import { Button } from '../components/button';
import { Chip } from '../components/chip';
import { Icon } from '../components/icon';
import { frameReason } from '../frames';
import { BlobPicture } from './blob-picture';
import { type Place, ratioOf } from './slots';
import { useInView } from './use-in-view';

/** Notes of what may look bad. */
const WARNINGS: ReadonlySet<string> = new Set(['UPSCALED']);

interface SlotPreviewProps {
  image: Image;
  place: Place;
  edit: Edit;
  /** Something newer is about to be asked for. */
  isBehind: boolean;
  isCustom: boolean;
  /** Its own edit is being made. */
  isChosen: boolean;
  areZonesShown: boolean;
  onChoose: () => void;
  onReset: () => void;
}

/** The very file that one place would get, in its shape, made while it is in view. */
export function SlotPreview(props: SlotPreviewProps) {
  const { image, place, edit, isBehind, isCustom, isChosen, areZonesShown, onChoose, onReset } = props;
  const { isInView, ref } = useInView();
  const preview = useQuery({ ...previewQuery(image.id, place.key, edit), enabled: isInView });
  const zones = areZonesShown ? place.slot.safe_zones : [];
  return (
    <li ref={ref} className="card stack-tight preview" data-chosen={isChosen || undefined} aria-label={place.name}>
      <div className="preview-head">
        <h3 className="grow">{place.platform.name}</h3>
        {isCustom && <Chip tone="busy" icon="check" label="Custom" />}
      </div>
      <div className="preview-stage">
        <Shown place={place} file={preview.data?.file} zones={zones} />
        {(isBehind || preview.isFetching) && (
          <span className="preview-wait">
            <span className="spinner" aria-hidden="true" />
          </span>
        )}
      </div>
      {preview.isError ? (
        <div className="small preview-problem">
          <p>{Problem.from(preview.error).detail}</p>
          <Button onClick={() => void preview.refetch()}>
            Try again<span className="unseen"> for {place.name}</span>
          </Button>
        </div>
      ) : (
        preview.data && <About about={preview.data.about} faces={image.faces.length} />
      )}
      {zones.length > 0 && <Zones zones={zones} />}
      <div className="row">
        {isCustom ? (
          <>
            {!isChosen && (
              <Button onClick={onChoose}>
                Edit<span className="unseen"> the override for {place.name}</span>
              </Button>
            )}
            <Button onClick={onReset}>
              Reset to default<span className="unseen"> for {place.name}</span>
            </Button>
          </>
        ) : (
          <Button held={isChosen} onClick={onChoose}>
            Override<span className="unseen"> for {place.name}</span>
          </Button>
        )}
      </div>
    </li>
  );
}

function Shown({ place, file, zones }: { place: Place; file: Blob | undefined; zones: SafeZone[] }) {
  const ratio = ratioOf(place);
  const [width = 1, height = 1] = place.slot.size;
  return (
    <div
      className="preview-shown"
      style={{ aspectRatio: `${ratio}`, inlineSize: `min(100%, calc(var(--preview-height) * ${ratio}))` }}
    >
      <div className={`preview-mask mask-${place.slot.mask}`}>
        {file && <BlobPicture file={file} alt={`Preview of ${place.name}`} />}
      </div>
      {zones.length > 0 && (
        <svg className="framing-lines" viewBox={`0 0 ${width} ${height}`} preserveAspectRatio="none" aria-hidden="true">
          {zones.map((zone) => (
            <rect
              key={`${zone.name} ${zone.device}`}
              className={`zone-${zone.kind}`}
              x={zone.x}
              y={zone.y}
              width={zone.width}
              height={zone.height}
            />
          ))}
        </svg>
      )}
    </div>
  );
}

function About({ about, faces }: { about: Preview['about']; faces: number }) {
  const warnings = about.notes.filter(({ code }) => WARNINGS.has(code));
  return (
    <>
      {about.frame && <p className="small quiet">{frameReason(about.frame, faces)}</p>}
      {warnings.map(({ code, text }) => (
        <p key={code} className="small preview-warning">
          <Icon name="warning" size={16} />
          {text}
        </p>
      ))}
    </>
  );
}

function Zones({ zones }: { zones: SafeZone[] }) {
  return (
    <ul className="small quiet">
      {zones.map(({ name, device, kind, note }) => (
        <li key={`${name} ${device}`}>
          <span className={`zone-sign zone-sign-${kind}`} aria-hidden="true" />{' '}
          {kind === 'keep' ? 'Seen everywhere' : 'Lies under something'}: {note || name}
        </li>
      ))}
    </ul>
  );
}
