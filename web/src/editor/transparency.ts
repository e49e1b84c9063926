/** Pixels of a side that are looked at: enough to find what anybody would see. */
const SIDE = 64;

/** Whether something of a picture lets through what is behind it. */
export async function isTransparent(file: Blob): Promise<boolean> {
  const picture = await createImageBitmap(file);
  try {
    const canvas = document.createElement('canvas');
    canvas.width = SIDE;
    canvas.height = SIDE;
    const drawing = canvas.getContext('2d', { willReadFrequently: true });
    if (!drawing) return false;
    drawing.drawImage(picture, 0, 0, SIDE, SIDE);
    const { data } = drawing.getImageData(0, 0, SIDE, SIDE);
    return data.some((value, at) => at % 4 === 3 && value < 250);
  } finally {
    picture.close();
  }
}
