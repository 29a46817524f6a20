/** Configuration: one's API keys, users, teams, roles, and what runs here. */

import { useState, type FormEvent } from "react";
import { Route, Routes, useParams } from "react-router";
import { request } from "../../api/client";
import type { Page as PageOf } from "../../api/documents";
import { useRead, useSend } from "../../api/hooks";
import { Act, Command } from "../../components/actions";
import { Collection } from "../../components/collection";
import { SelectField, TextField } from "../../components/forms";
import { Card, Page, Table, Tabs } from "../../components/page";
import { Empty, Loaded, Problem } from "../../components/states";
import { Time } from "../../components/time";
import { useSession } from "../../session";

interface Key {
  Id: string;
  Purpose: string;
  Created: string;
  Expires: string | null;
}
const DAY_MS = 86_400_000;

export default function Configuration() {
  const { space = "" } = useParams();
  const base = `/${space}/configuration`;
  return (
    <Page title="Configuration">
      <Tabs label="Configuration" tabs={[{ to: base, name: "My API keys", isEnd: true }, { to: `${base}/users`, name: "Users" }, { to: `${base}/teams`, name: "Teams" }, { to: `${base}/roles`, name: "Roles" }, { to: `${base}/spaces`, name: "Spaces" }, { to: `${base}/about`, name: "About" }]} />
      <Routes>
        <Route index element={<Keys />} />
        <Route path="users" element={<Collection key="users" path="/api/users" name="Users" isSystem />} />
        <Route path="teams" element={<Collection key="teams" path="/api/teams" name="Teams" isSystem />} />
        <Route path="roles" element={<Collection key="roles" path="/api/userroles" name="Roles" isSystem />} />
        <Route path="spaces" element={<Collection key="spaces" path="/api/spaces" name="Spaces" isSystem />} />
        <Route path="about" element={<About />} />
      </Routes>
    </Page>
  );
}

function Keys() {
  const { user } = useSession();
  const params = { user_id: user.Id };
  const [purpose, setPurpose] = useState("");
  const [days, setDays] = useState("90");
  const [made, setMade] = useState("");
  const keys = useRead<PageOf<Key>>(request("GET", "/api/users/{user_id}/apikeys", { params, isSystem: true, query: { take: 200 } }));
  const making = useSend<{ ApiKey: string }>((answer) => setMade(answer.ApiKey));
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const expires = days ? new Date(Date.now() + Number(days) * DAY_MS).toISOString() : null;
    making.mutate(request("POST", "/api/users/{user_id}/apikeys", { params, isSystem: true, body: { Purpose: purpose, Expires: expires } }));
  };
  return (
    <>
      <Card title="New key" isPadded>
        <form className="stack" onSubmit={submit}>
          <div className="form-grid">
            <TextField label="Purpose" value={purpose} change={setPurpose} isRequired />
            <SelectField label="Lapses" value={days} change={setDays} options={[{ value: "1", label: "after a day" }, { value: "30", label: "after 30 days" }, { value: "90", label: "after 90 days" }, { value: "365", label: "after a year" }, { value: "", label: "never" }]} />
          </div>
          <Problem error={making.error} />
          <div><button type="submit" className="button primary" disabled={making.isPending}>Make a key</button></div>
          {made && <><p>This is the only time that the key is shown:</p><Command text={made} /></>}
        </form>
      </Card>
      <Card title="My keys">
        <Loaded query={keys}>
          {(page) => page.Items.length === 0 ? <Empty title="No keys yet" /> : (
            <Table label="API keys" heads={["Purpose", "Made", "Lapses", ""]}>
              {page.Items.map((each) => (
                <tr key={each.Id}><td>{each.Purpose}</td><td><Time at={each.Created} /></td><td><Time at={each.Expires} /></td>
                  <td className="acts-cell"><Act look="danger" call={request("DELETE", "/api/users/{user_id}/apikeys/{key_id}", { params: { ...params, key_id: each.Id }, isSystem: true })} said="The key is worthless now"
                    confirm={{ title: `Revoke “${each.Purpose}”?`, text: "Whatever uses this key is refused from now on." }}>Revoke</Act></td></tr>
              ))}
            </Table>
          )}
        </Loaded>
      </Card>
    </>
  );
}

function About() {
  const { root } = useSession();
  return (
    <Card isPadded>
      <dl className="facts"><div><dt>Octavo</dt><dd>{root.ProductVersion}</dd></div><div><dt>Speaks the API of</dt><dd>{root.Version}</dd></div><div><dt>Installation</dt><dd className="mono">{root.InstallationId}</dd></div></dl>
    </Card>
  );
}
