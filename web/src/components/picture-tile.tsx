import { Link } from '@tanstack/react-router';
import type { Image } from '../api/types';
import { formatPixels } from '../format';
import { Chip } from './chip';
import { Icon } from './icon';
import { IMAGE_LOOKS } from './states';

/** A picture of the library, which leads to its page. */
export function PictureTile({ image }: { image: Image }) {
  return (
    <Link className="tile" to="/library/$imageId" params={{ imageId: image.id }}>
      <PictureThumb image={image} alt="" />
      <span className="tile-text">
        <span className="tile-name">{image.file_name || 'Picture'}</span>
        <span className="small quiet figures">{formatPixels(image.width, image.height)}</span>
        {image.state !== 'ready' && <Chip {...IMAGE_LOOKS[image.state]} />}
      </span>
    </Link>
  );
}

/** A picture as a square; described by its own text unless its name stands beside it. */
export function PictureThumb({ image, alt = image.alt_text }: { image: Image; alt?: string }) {
  const thumbnail = image.thumbnails.find((candidate) => candidate.width >= 300) ?? image.thumbnails.at(-1);
  if (thumbnail) {
    return (
      <span className="thumb">
        <img src={thumbnail.url} alt={alt} loading="lazy" width={thumbnail.width} height={thumbnail.height} />
      </span>
    );
  }
  return (
    <span className="thumb thumb-empty">
      {image.state === 'failed' ? <Icon name="warning" size={24} /> : <span className="spinner" aria-hidden="true" />}
    </span>
  );
}
