interface PlacePictureProps {
  /** Where the picture is; nothing where there is no copy. */
  picture: string | null | undefined;
  /** Whether the place is known to show no picture where there is no copy of one. */
  none: boolean;
  caption: React.ReactNode;
}

/** What a place shows, has shown, or shall show. */
export function PlacePicture({ picture, none, caption }: PlacePictureProps) {
  return (
    <figure>
      {picture ? (
        <img src={picture} alt="" loading="lazy" />
      ) : (
        <span className="no-picture">{none ? 'No picture' : 'Cannot be shown'}</span>
      )}
      <figcaption className="small quiet">{caption}</figcaption>
    </figure>
  );
}
