import type { Variant } from '../api/types';
import { Badge } from '../components/badge';
import { buttonClass } from '../components/button';
import { Icon } from '../components/icon';
import { formatBytes, formatMediaType, formatPixels } from '../format';
import { usePlatforms } from '../platforms';

/** What each platform gets: the very file, its figures, and what was changed on the way. */
export function VariantGallery({ variants, alt }: { variants: Variant[]; alt: string }) {
  return (
    <section className="stack">
      <h2>What each platform gets</h2>
      <ul className="tiles">
        {variants.map((variant) => (
          <VariantCard key={variant.key} variant={variant} alt={alt} />
        ))}
      </ul>
    </section>
  );
}

function VariantCard({ variant, alt }: { variant: Variant; alt: string }) {
  const { all, named } = usePlatforms();
  const platform = named(variant.platform ?? '');
  const mask = all.find(({ id }) => id === platform.id)?.slots[variant.slot ?? '']?.mask ?? 'none';
  return (
    <li className="card stack variant">
      <div className={`variant-stage mask-${mask}`}>
        <img
          src={variant.url}
          alt={alt || `${platform.name} version`}
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
      {variant.notes.length > 0 && (
        <details>
          <summary>What we changed ({variant.notes.length})</summary>
          <ul className="bullets small">
            {variant.notes.map((note) => (
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

function fileName(variant: Variant): string {
  return `${variant.key.replaceAll('.', '-')}.${formatMediaType(variant.content_type).toLowerCase()}`;
}
