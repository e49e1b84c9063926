import { useEffect, useRef } from 'react';

interface PageProps {
  title: string;
  /** One sentence under the title. */
  lead?: React.ReactNode;
  actions?: React.ReactNode;
  children: React.ReactNode;
}

/** The first page of a visit leaves the focus to the browser; every later one takes it to its heading. */
let visited = false;

/** One page: its title in the tab, its heading, which takes the focus when the page opens, and its content. */
export function Page({ title, lead, actions, children }: PageProps) {
  const heading = useRef<HTMLHeadingElement>(null);

  useEffect(() => {
    if (visited) heading.current?.focus({ preventScroll: true });
    visited = true;
  }, []);

  return (
    <>
      <title>{`${title} · Linkarooie`}</title>
      <div className="page-head">
        <div>
          <h1 ref={heading} tabIndex={-1}>
            {title}
          </h1>
          {lead && <p className="quiet">{lead}</p>}
        </div>
        {actions && <div className="row">{actions}</div>}
      </div>
      {children}
    </>
  );
}
