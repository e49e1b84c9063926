import { describe, expect, it } from 'vitest';
import { LiveStream } from './stream';

/** Stands in for the browser: connections that the test breaks, and a clock that the test moves. */
class Browser {
  sources: FakeSource[] = [];
  waits: { run: () => void; milliseconds: number }[] = [];

  open = () => {
    const source = new FakeSource();
    this.sources.push(source);
    return source as unknown as EventSource;
  };
  wait = (run: () => void, milliseconds: number) => {
    const entry = { run, milliseconds };
    this.waits.push(entry);
    return () => {
      this.waits = this.waits.filter((other) => other !== entry);
    };
  };
  random = () => 1;

  get source(): FakeSource {
    const source = this.sources.at(-1);
    if (!source) throw new Error('nothing was opened');
    return source;
  }

  async passTime(): Promise<number> {
    const next = this.waits.shift();
    if (!next) throw new Error('nobody waits');
    next.run();
    await new Promise((resolve) => setTimeout(resolve));
    return next.milliseconds;
  }
}

class FakeSource extends EventTarget {
  onopen: (() => void) | null = null;
  onerror: (() => void) | null = null;
  closed = false;
  close() {
    this.closed = true;
  }
  say(kind: string, data: unknown) {
    this.dispatchEvent(new MessageEvent(kind, { data: JSON.stringify(data) }));
  }
}

function listen(sessionHolds = true) {
  const browser = new Browser();
  const heard: unknown[] = [];
  const stream = new LiveStream(
    {
      onUpdate: (update) => heard.push(update),
      onGap: () => heard.push('gap'),
      ensureSession: async () => sessionHolds,
    },
    browser,
  );
  stream.start();
  return { browser, heard, stream };
}

describe('the live stream', () => {
  it('hands on what the server says', () => {
    const { browser, heard } = listen();
    browser.source.onopen?.();
    browser.source.say('image', { kind: 'image', id: 'i1' });
    expect(heard).toEqual([{ kind: 'image', id: 'i1' }]);
  });

  it('comes back after a break and says that there was a gap', async () => {
    const { browser, heard } = listen();
    browser.source.onopen?.();
    browser.source.onerror?.();
    await browser.passTime();
    browser.source.onopen?.();
    expect(heard).toEqual(['gap']);
    expect(browser.sources.map((source) => source.closed)).toEqual([true, false]);
  });

  it('comes back when the server ends it', async () => {
    const { browser } = listen();
    browser.source.onopen?.();
    browser.source.say('end', { reason: 'token_expired' });
    await browser.passTime();
    expect(browser.sources).toHaveLength(2);
  });

  it('waits longer each time, up to half a minute, and starts over once it got through', async () => {
    const { browser } = listen();
    const waits: number[] = [];
    for (let round = 0; round < 8; round += 1) {
      browser.source.onerror?.();
      waits.push(await browser.passTime());
    }
    expect(waits).toEqual([500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
    browser.source.onopen?.();
    browser.source.onerror?.();
    expect(await browser.passTime()).toBe(500);
  });

  it('stays away when the session is over', async () => {
    const { browser } = listen(false);
    browser.source.onerror?.();
    await browser.passTime();
    expect(browser.sources).toHaveLength(1);
  });

  it('does not come back once stopped, even while it makes sure of the session', async () => {
    const { browser, stream } = listen();
    browser.source.onerror?.();
    const waiting = browser.passTime();
    stream.stop();
    await waiting;
    expect(browser.sources).toHaveLength(1);
  });

  it('keeps one connection when started twice', () => {
    const { browser, stream } = listen();
    stream.start();
    expect(browser.sources).toHaveLength(1);
  });

  it('tells of the gap when started again after a stop', () => {
    const { browser, heard, stream } = listen();
    browser.source.onopen?.();
    stream.stop();
    stream.start();
    browser.source.onopen?.();
    expect(heard).toEqual(['gap']);
  });
});
