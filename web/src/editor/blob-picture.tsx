import { type ImgHTMLAttributes, useCallback } from 'react';

interface BlobPictureProps extends ImgHTMLAttributes<HTMLImageElement> {
  file: Blob;
  alt: string;
}

/** Shows a picture that has no address of its own. The address that it gets ends with it. */
export function BlobPicture({ file, ...rest }: BlobPictureProps) {
  const show = useCallback(
    (image: HTMLImageElement | null) => {
      if (!image) return;
      const address = URL.createObjectURL(file);
      image.src = address;
      return () => URL.revokeObjectURL(address);
    },
    [file],
  );
  return <img ref={show} {...rest} />;
}
