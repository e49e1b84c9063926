import { Link } from '@tanstack/react-router';
import type { Image } from '../api/types';
import { formatPixels } from '../format';
import { Chip } from './chip';
import { Icon } from './icon';
import { IMAGE_LOOKS } from './states';

/** A picture of the library, which leads to its page. */
export function PictureTile({ image }: { image: Image }) {
  return (
    <Link className="tile" to="/library/$imageId" params={{ imageId: image.id }} aria-label={tileLabel(image)}>
      <PictureThumb image={image} />
      <span className="tile-text">
        <span className="tile-name">{image.file_name || 'Picture'}</span>
        <span className="small quiet figures">{formatPixels(image.width, image.height)}</span>
        {image.state !== 'ready' && <Chip {...IMAGE_LOOKS[image.state]} />}
      </span>
    </Link>
  );
}

export function PictureThumb({ image }: { image: Image }) {
  const thumbnail = image.thumbnails.find((candidate) => candidate.width >= 300) ?? image.thumbnails.at(-1);
  if (thumbnail) {
    return (
      <span className="thumb">
        <img
          src={thumbnail.url}
          alt={image.alt_text}
          loading="lazy"
          width={thumbnail.width}
          height={thumbnail.height}
        />
      </span>
    );
  }
  return (
    <span className="thumb thumb-empty">
      {image.state === 'failed' ? <Icon name="warning" size={24} /> : <span className="spinner" aria-hidden="true" />}
    </span>
  );
}

function tileLabel(image: Image): string {
  const name = image.alt_text || image.file_name || 'Picture';
  return image.state === 'ready' ? name : `${name}, ${IMAGE_LOOKS[image.state].label.toLowerCase()}`;
}
