import { type RefCallback, useCallback, useState } from 'react';

/** What is about to come into view is begun with. */
const MARGIN = '160px';

/** Whether an element is in view, or nearly. Give `ref` to the element. */
export function useInView(): { isInView: boolean; ref: RefCallback<Element> } {
  const [isInView, setInView] = useState(false);
  const ref = useCallback((element: Element | null) => {
    if (!element) return;
    const watch = new IntersectionObserver((entries) => setInView(entries.at(-1)?.isIntersecting ?? false), {
      rootMargin: MARGIN,
    });
    watch.observe(element);
    return () => watch.disconnect();
  }, []);
  return { isInView, ref };
}
