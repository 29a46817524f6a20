/** Forward and back through a long list. */

export function Pager({ skip, take, total, change }: { skip: number; take: number; total: number; change: (skip: number) => void }) {
  if (total <= take) return null;
  return (
    <div className="pager">
      <span className="quiet">{skip + 1}–{Math.min(skip + take, total)} of {total}</span>
      <button type="button" className="button" disabled={skip === 0} onClick={() => change(Math.max(0, skip - take))}>Newer</button>
      <button type="button" className="button" disabled={skip + take >= total} onClick={() => change(skip + take)}>Older</button>
    </div>
  );
}
