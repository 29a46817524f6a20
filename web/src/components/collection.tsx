/** Any list of named resources: for kinds that have no page of their own yet. A row opens to all that the API says. */

import { useState } from "react";
import { request, type PathOf } from "../api/client";
import type { Page as PageOf } from "../api/documents";
import { useRead } from "../api/hooks";
import { Dialog } from "./actions";
import { Card, Table } from "./page";
import { Pager } from "./pager";
import { Empty, Loaded } from "./states";

interface Item {
  Id: string;
  Name?: string;
  Username?: string;
  Description?: string | null;
}
const TAKE = 50;

export function Collection({ path, name, isSystem = false }: { path: PathOf<"GET"> & string; name: string; isSystem?: boolean }) {
  const [text, setText] = useState("");
  const [skip, setSkip] = useState(0);
  const [open, setOpen] = useState<Item | null>(null);
  const call = request("GET", path as "/api/lifecycles", { query: { skip, take: TAKE, partialName: text, filter: text }, isSystem });
  const list = useRead<PageOf<Item>>(call, { keep: true });
  return (
    <>
      <input className="input" type="search" aria-label={`Filter ${name.toLowerCase()}`} placeholder={`Filter ${name.toLowerCase()}`} value={text}
        onChange={(event) => {
          setText(event.target.value);
          setSkip(0);
        }} />
      <Card>
        <Loaded query={list}>
          {(page) => page.Items.length === 0 ? <Empty title={text ? "Nothing is called so" : `No ${name.toLowerCase()} yet`} /> : (
            <>
              <Table label={name} heads={["Name", "Description", "Id"]}>
                {page.Items.map((each) => (
                  <tr key={each.Id}><td><button type="button" className="button plain" onClick={() => setOpen(each)}>{each.Name ?? each.Username ?? each.Id}</button></td><td className="quiet">{each.Description}</td><td className="mono quiet">{each.Id}</td></tr>
                ))}
              </Table>
              <Pager skip={skip} take={TAKE} total={page.TotalResults} change={setSkip} />
            </>
          )}
        </Loaded>
      </Card>
      <Dialog title={open?.Name ?? open?.Username ?? ""} isOpen={open !== null} close={() => setOpen(null)}>
        <pre className="script" tabIndex={0}>{JSON.stringify(open, null, 2)}</pre>
      </Dialog>
    </>
  );
}
