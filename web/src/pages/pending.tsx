/** Stands in while a page waits for the server. */
export function PendingPage() {
  return (
    <p className="pending" role="status">
      <span className="spinner" aria-hidden="true" />
      Loading
    </p>
  );
}
