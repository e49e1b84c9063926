import { describe, expect, it, vi } from 'vitest';
import { Confirmation } from './confirmation';

/** A confirmation with a dialog that listens, and has heard as often as `heard` was called. */
function listening() {
  const confirmation = new Confirmation();
  const heard = vi.fn();
  const leave = confirmation.subscribe(heard);
  return { confirmation, heard, leave };
}

describe('a confirmation', () => {
  it.each([true, false])('answers %s to everybody who asked meanwhile', async (confirmed) => {
    const { confirmation, heard } = listening();
    const answers = Promise.all([confirmation.ask(), confirmation.ask()]);
    expect(confirmation.isAsked).toBe(true);
    expect(heard).toHaveBeenCalledTimes(1);
    confirmation.settle(confirmed);
    expect(await answers).toEqual([confirmed, confirmed]);
    expect(confirmation.isAsked).toBe(false);
  });

  it('asks anew after an answer', async () => {
    const { confirmation } = listening();
    const first = confirmation.ask();
    confirmation.settle(false);
    const second = confirmation.ask();
    confirmation.settle(true);
    expect([await first, await second]).toEqual([false, true]);
  });

  it('is answered with no where nobody could be asked', async () => {
    expect(await new Confirmation().ask()).toBe(false);
  });

  it('is answered with no when the dialog goes away', async () => {
    const { confirmation, leave } = listening();
    const answer = confirmation.ask();
    leave();
    expect(await answer).toBe(false);
  });
});
