/** Redraws a picture smaller, off the page's own thread. Answers null when the browser cannot read the file. */

export interface ShrinkQuestion {
  file: File;
  maxSide: number;
}

self.onmessage = async ({ data: { file, maxSide } }: MessageEvent<ShrinkQuestion>) => {
  try {
    self.postMessage(await shrink(file, maxSide));
  } catch {
    self.postMessage(null);
  }
};

async function shrink(file: File, maxSide: number): Promise<Blob | null> {
  // The camera's orientation is applied here, and so the new file needs none.
  const bitmap = await createImageBitmap(file);
  const scale = maxSide / Math.max(bitmap.width, bitmap.height);
  if (scale >= 1) {
    bitmap.close();
    return null;
  }
  const canvas = new OffscreenCanvas(Math.round(bitmap.width * scale), Math.round(bitmap.height * scale));
  const context = canvas.getContext('2d');
  if (!context) return null;
  context.imageSmoothingQuality = 'high';
  context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  bitmap.close();
  return canvas.convertToBlob({ type: file.type, quality: 0.95 });
}
