import type { Image, Variant } from '../api/types';
import { Badge } from '../components/badge';
import { buttonClass } from '../components/button';
import { Icon } from '../components/icon';
import { frameReason } from '../frames';
import { formatBytes, formatMediaType, formatPixels } from '../format';
import { usePlatforms } from '../platforms';
import { fileName } from '../variant-file';

/** Notes of what may look bad: to be seen without asking. */
const WARNINGS: ReadonlySet<string> = new Set(['UPSCALED']);

/** What each platform gets: the very file, its figures, and what was changed on the way. */
export function VariantGallery({ image, variants }: { image: Image; variants: Variant[] }) {
  return (
    <section className="stack">
      <h2>What each platform gets</h2>
      <ul className="tiles">
        {variants.map((variant) => (
          <VariantCard key={variant.key} image={image} variant={variant} />
        ))}
      </ul>
    </section>
  );
}

function VariantCard({ image, variant }: { image: Image; variant: Variant }) {
  const { named, maskOf } = usePlatforms();
  const platform = named(variant.platform ?? '');
  const warnings = variant.notes.filter((note) => WARNINGS.has(note.code));
  const notes = variant.notes.filter((note) => !WARNINGS.has(note.code));
  return (
    <li className="card stack variant">
      <div className={`variant-stage mask-${maskOf(variant)}`}>
        <img
          src={variant.url}
          alt={image.alt_text || `${platform.name} version`}
          width={variant.width}
          height={variant.height}
          loading="lazy"
        />
      </div>
      <div className="row">
        <Badge {...platform} />
        <div className="grow">
          <h3>{platform.name}</h3>
          <p className="small quiet figures">
            {formatPixels(variant.width, variant.height)}, {formatMediaType(variant.content_type)},{' '}
            {formatBytes(variant.bytes)}
          </p>
        </div>
      </div>
      {variant.frame && <p className="small">{frameReason(variant.frame, image.faces.length)}</p>}
      {warnings.map((note) => (
        <p key={note.code} className="note note-warn small">
          <Icon name="warning" size={16} />
          <span>{note.text}</span>
        </p>
      ))}
      {notes.length > 0 && (
        <details>
          <summary>What we changed ({notes.length})</summary>
          <ul className="bullets small">
            {notes.map((note) => (
              <li key={note.code}>{note.text}</li>
            ))}
          </ul>
        </details>
      )}
      <a className={`${buttonClass()} variant-download`} href={variant.url} download={fileName(variant)}>
        <Icon name="download" />
        Download<span className="unseen"> for {platform.name}</span>
      </a>
    </li>
  );
}
