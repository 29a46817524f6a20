/** Who did what, when, with what changed. */

import { useState } from "react";
import { request } from "../../api/client";
import type { AuditEvent, Page as PageOf } from "../../api/documents";
import { useRead } from "../../api/hooks";
import { Dialog } from "../../components/actions";
import { SelectField } from "../../components/forms";
import { Card, Page, Table } from "../../components/page";
import { Pager } from "../../components/pager";
import { Empty, Loaded } from "../../components/states";
import { Time } from "../../components/time";

const TAKE = 50;

export default function Audit() {
  const [skip, setSkip] = useState(0);
  const [category, setCategory] = useState("");
  const [open, setOpen] = useState<AuditEvent | null>(null);
  const events = useRead<PageOf<AuditEvent>>(request("GET", "/api/events", { query: { skip, take: TAKE, eventCategories: category } }), { keep: true, every: 10_000 });
  const categories = useRead<{ Id: string; Name: string }[]>(request("GET", "/api/events/categories", { isSystem: true }));
  return (
    <Page title="Audit">
      <div className="filters"><SelectField label="Kind" value={category} options={[{ value: "", label: "All kinds" }, ...(categories.data ?? []).map((each) => ({ value: each.Id, label: each.Name }))]}
        change={(value) => {
          setCategory(value);
          setSkip(0);
        }} /></div>
      <Card>
        <Loaded query={events}>
          {(page) => page.Items.length === 0 ? <Empty title="Nothing of this kind happened" /> : (
            <>
              <Table label="Events" heads={["When", "Who", "What", ""]}>
                {page.Items.map((each) => (
                  <tr key={each.Id}><td><Time at={each.Occurred} /></td><td>{each.Username}<div className="small quiet">{each.IdentityEstablishedWith}</div></td><td>{each.Message}<div className="small quiet">{each.Category}</div></td>
                    <td className="acts-cell"><button type="button" className="button plain" onClick={() => setOpen(each)}>Details</button></td></tr>
                ))}
              </Table>
              <Pager skip={skip} take={TAKE} total={page.TotalResults} change={setSkip} />
            </>
          )}
        </Loaded>
      </Card>
      <Dialog title={open?.Message ?? ""} isOpen={open !== null} close={() => setOpen(null)}>
        {open && (
          <>
            <dl className="facts"><div><dt>Who</dt><dd>{open.Username}</dd></div><div><dt>From</dt><dd>{open.IpAddress ?? "–"}</dd></div><div><dt>About</dt><dd>{open.RelatedDocumentIds.join(", ")}</dd></div></dl>
            <h3>What changed</h3>
            {open.ChangeDetails.Differences ? <pre className="script" tabIndex={0}>{JSON.stringify(open.ChangeDetails.Differences, null, 2)}</pre> : <p className="quiet">No change of members was recorded.</p>}
          </>
        )}
      </Dialog>
    </Page>
  );
}
