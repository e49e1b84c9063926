import { useMemo, useState } from 'react';
import type { Image } from '../api/types';
import { photoSources } from '../photo-sources';
import { placeholderAddress } from '../placeholder';

interface PhotoProps {
  image: Image;
  /** Points that its longest side takes at most. */
  side: number;
  alt: string;
  /** Where it lies in a box of another shape, as CSS says it; else the box shows its middle. */
  position?: string | undefined;
  /** What stands there where the picture cannot be loaded. */
  otherwise: React.ReactNode;
}

/** A picture of the library in the best format that the browser reads, blurred until it has come. Its place is kept from the start. */
export function Photo({ image, side, alt, position, otherwise }: PhotoProps) {
  const sources = photoSources(image.thumbnails, side);
  const last = sources.at(-1);
  if (!last) return otherwise;
  const { plain } = last;
  return (
    <picture>
      {sources.slice(0, -1).map(({ type, srcSet }) => (
        <source key={type} type={type} srcSet={srcSet} />
      ))}
      {/* Another address is another try. */}
      <Shown
        key={plain.url}
        src={plain.url}
        srcSet={last.srcSet}
        alt={alt}
        width={plain.width}
        height={plain.height}
        position={position}
        placeholder={image.placeholder}
        otherwise={otherwise}
      />
    </picture>
  );
}

interface ShownProps {
  src: string;
  srcSet: string;
  alt: string;
  width: number;
  height: number;
  position: string | undefined;
  placeholder: string | null;
  otherwise: React.ReactNode;
}

function Shown({ position, placeholder, otherwise, alt, ...rest }: ShownProps) {
  const [state, setState] = useState<'coming' | 'here' | 'lost'>('coming');
  const blur = useMemo(() => placeholderAddress(placeholder), [placeholder]);
  if (state === 'lost') return otherwise;
  return (
    <img
      {...rest}
      alt={alt}
      loading="lazy"
      decoding="async"
      style={{
        objectPosition: position,
        backgroundPosition: position,
        // Taken away once the picture is here: it may let through what is behind it.
        backgroundImage: state === 'coming' && blur ? `url(${blur})` : undefined,
      }}
      onLoad={() => setState('here')}
      onError={() => setState('lost')}
    />
  );
}
