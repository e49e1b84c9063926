import type { ShrinkQuestion } from './shrink.worker';

/** Twice the longest side of any slot in the catalogue: more could never be seen, and takes long to send. */
const MAX_SIDE = 6000;

/** What a browser redraws without losing anything but size: moving pictures and formats it cannot write are left alone. */
const REDRAWABLE = new Set(['image/jpeg', 'image/png']);

/** Smaller files hardly hold a picture that large, and are sent in a moment as they are. */
const WORTH_A_LOOK_BYTES = 4_000_000;

/** Returns a smaller version of a picture that is larger than could ever be of use; else the file itself. */
export async function shrinkIfHuge(file: File, signal: AbortSignal): Promise<File> {
  if (file.size < WORTH_A_LOOK_BYTES || !REDRAWABLE.has(file.type) || typeof OffscreenCanvas === 'undefined')
    return file;
  const smaller = await askWorker({ file, maxSide: MAX_SIDE }, signal);
  return smaller && smaller.size < file.size ? new File([smaller], file.name, { type: smaller.type }) : file;
}

function askWorker(question: ShrinkQuestion, signal: AbortSignal): Promise<Blob | null> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL('./shrink.worker.ts', import.meta.url), { type: 'module' });
    const end = (settle: () => void) => {
      worker.terminate();
      signal.removeEventListener('abort', abort);
      settle();
    };
    const abort = () => end(() => reject(signal.reason));
    signal.addEventListener('abort', abort);
    worker.onmessage = ({ data }: MessageEvent<Blob | null>) => end(() => resolve(data));
    worker.onerror = () => end(() => resolve(null));
    worker.postMessage(question);
  });
}
