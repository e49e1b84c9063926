import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { similarQuery } from '../api/queries';
import type { Image } from '../api/types';
import { PictureThumb } from '../components/picture-tile';
import { nameOf } from '../pictures';

/** Others of the library that look like a picture; nothing where there are none. */
export function SimilarPictures({ imageId }: { imageId: string }) {
  const { data: similar } = useQuery(similarQuery(imageId));
  if (!similar || similar.same.length + similar.alike.length === 0) return null;
  return (
    <section className="stack-tight" aria-labelledby="similar">
      <h2 id="similar">Looks like …</h2>
      <ul className="stack-tight" aria-label="Pictures that look like this one">
        {similar.same.map((image) => (
          <SimilarPicture key={image.id} image={image} why="The very same file" />
        ))}
        {similar.alike.map((image) => (
          <SimilarPicture key={image.id} image={image} why="Nearly the same to look at" />
        ))}
      </ul>
    </section>
  );
}

function SimilarPicture({ image, why }: { image: Image; why: string }) {
  return (
    <li>
      <Link className="row similar" to="/library/$imageId" params={{ imageId: image.id }}>
        <PictureThumb image={image} alt="" />
        <span className="grow">
          <strong>{nameOf(image)}</strong>
          <br />
          <span className="small quiet">{why}</span>
        </span>
      </Link>
    </li>
  );
}
