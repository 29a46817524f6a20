/** The library: packages, pushed by drag and drop, and what projects share. */

import { Route, Routes, useParams } from "react-router";
import { Collection } from "../../components/collection";
import { Page, Tabs } from "../../components/page";
import { Packages } from "./packages";

const LISTS = [
  ["libraryvariablesets", "Variable sets"], ["lifecycles", "Lifecycles"], ["feeds", "Feeds"], ["actiontemplates", "Step templates"], ["certificates", "Certificates"], ["tenants", "Tenants"], ["accounts", "Accounts"],
] as const;

export default function Library() {
  const { space = "" } = useParams();
  const base = `/${space}/library`;
  return (
    <Page title="Library">
      <Tabs label="Library" tabs={[{ to: base, name: "Packages", isEnd: true }, ...LISTS.map(([path, name]) => ({ to: `${base}/${path}`, name }))]} />
      <Routes>
        <Route index element={<Packages />} />
        {LISTS.map(([path, name]) => <Route key={path} path={path} element={<Collection key={path} path={`/api/${path}`} name={name} />} />)}
      </Routes>
    </Page>
  );
}
