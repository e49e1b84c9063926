/** For file pickers. Some systems do not know the younger formats as pictures, so that these are named by their endings, too. */
export const ACCEPTED = 'image/*,.avif,.heic,.heif,.tif,.tiff,.bmp';

/** What kind of picture a file says it is, for people: IMG_1.HEIC is HEIC. Empty where it does not say. */
export function kindOf(fileName: string): string {
  const ending = /\.([a-z0-9]{2,5})$/i.exec(fileName)?.[1];
  return ending?.toUpperCase() ?? '';
}
