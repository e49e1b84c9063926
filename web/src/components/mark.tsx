/** The mark: a picture that hops from place to place. Beside the name it says nothing of its own. */
export function Mark({ size = 30 }: { size?: number }) {
  return (
    <svg className="mark" width={size} height={size} viewBox="0 0 32 32" aria-hidden="true">
      <rect className="mark-ground" width="32" height="32" rx="9" />
      <g fill="none" strokeWidth="2.4" strokeLinecap="round">
        <path d="M12.4 17.2C13.6 9 19 9 20 17.6" />
        <path d="M20 21.6c.8-4.6 4.6-4.6 5.4-.2" opacity=".8" />
      </g>
      <circle cx="10" cy="20.6" r="4.4" />
    </svg>
  );
}
