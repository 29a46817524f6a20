/** A project's variables: names, values, and where each value holds. */

import { useState } from "react";
import { request } from "../../api/client";
import type { Project, Variable, VariableSet } from "../../api/documents";
import { useRead, useSend } from "../../api/hooks";
import { CopyAs } from "../../components/actions";
import { Icon } from "../../components/icons";
import { Card, Table } from "../../components/page";
import { Empty, Loaded, Problem } from "../../components/states";

const LISTS: Record<string, string> = { Environment: "Environments", Machine: "Machines", Role: "Roles", Channel: "Channels", Action: "Actions", TenantTag: "TenantTags", ProcessOwner: "Processes" };

export function VariablesTab({ project }: { project: Project }) {
  const query = useRead<VariableSet>(request("GET", "/api/variables/{set_id}", { params: { set_id: project.VariableSetId } }));
  return <Loaded query={query}>{(set) => <Editor key={set.Version} set={set} />}</Loaded>;
}

function Editor({ set }: { set: VariableSet }) {
  const [variables, setVariables] = useState(set.Variables);
  const [text, setText] = useState("");
  const saving = useSend();
  const call = request("PUT", "/api/variables/{set_id}", { params: { set_id: set.Id }, body: { ...set, Variables: variables } });
  const change = (variable: Variable, members: Partial<Variable> | null) =>
    setVariables((before) => before.flatMap((each) => (each === variable ? (members ? [{ ...each, ...members }] : []) : [each])));
  const shown = variables.filter((each) => !text || each.Name.toLowerCase().includes(text.toLowerCase()));
  const isChanged = variables !== set.Variables;
  return (
    <div className="stack">
      <input className="input" type="search" aria-label="Filter variables" placeholder="Filter variables" value={text} onChange={(event) => setText(event.target.value)} />
      <Card>
        {shown.length === 0 ? <Empty title={text ? "No variable is called so" : "No variables yet"} /> : (
          <Table label="Variables" heads={["Name", "Value", "Environment", "Holds also for", ""]}>
            {shown.map((each) => (
              <tr key={each.Id || variables.indexOf(each)}>
                <td><input className="input mono" aria-label="Name" value={each.Name} onChange={(event) => change(each, { Name: event.target.value })} /></td>
                <td><input className="input mono" aria-label={`Value of ${each.Name}`} type={each.IsSensitive ? "password" : "text"} autoComplete="new-password" placeholder={each.IsSensitive ? "kept secret; type to replace" : ""} value={each.Value ?? ""} onChange={(event) => change(each, { Value: event.target.value })} /></td>
                <td><select className="input" aria-label={`Environment of ${each.Name}`} value={each.Scope["Environment"]?.length === 1 ? each.Scope["Environment"][0] : each.Scope["Environment"]?.length ? "several" : ""}
                  onChange={(event) => change(each, { Scope: withScope(each.Scope, "Environment", event.target.value) })}>
                  <option value="">any</option>{(each.Scope["Environment"]?.length ?? 0) > 1 && <option value="several" disabled>{namesOf(set, "Environment", each.Scope["Environment"] ?? [])}</option>}
                  {(set.ScopeValues["Environments"] ?? []).map((place) => <option key={place.Id} value={place.Id}>{place.Name}</option>)}
                </select></td>
                <td><div className="chips">{Object.entries(each.Scope).filter(([kind, ids]) => kind !== "Environment" && ids.length).map(([kind, ids]) => <span key={kind} className="chip">{kind}: {namesOf(set, kind, ids)}</span>)}{each.Prompt && <span className="chip">asked for</span>}</div></td>
                <td className="acts-cell"><button type="button" className="button plain icon" aria-label={`Remove ${each.Name}`} onClick={() => change(each, null)}><Icon name="cross" /></button></td>
              </tr>
            ))}
          </Table>
        )}
      </Card>
      <Problem error={saving.error} />
      <div className="row wrap">
        <button type="button" className="button" onClick={() => setVariables((before) => [...before, newVariable(false)])}><Icon name="plus" />Add a variable</button>
        <button type="button" className="button" onClick={() => setVariables((before) => [...before, newVariable(true)])}><Icon name="plus" />Add a secret</button>
        <button type="button" className="button primary" disabled={!isChanged || saving.isPending} onClick={() => saving.mutate(call)}>Save</button>
        {isChanged && <><button type="button" className="button plain" onClick={() => setVariables(set.Variables)}>Discard changes</button><CopyAs call={call} /></>}
      </div>
    </div>
  );
}

function withScope(scope: Variable["Scope"], kind: string, id: string): Variable["Scope"] {
  const next = { ...scope };
  if (id) next[kind] = [id];
  else delete next[kind];
  return next;
}

function namesOf(set: VariableSet, kind: string, ids: readonly string[]): string {
  const known = set.ScopeValues[LISTS[kind] ?? kind] ?? [];
  return ids.map((id) => known.find((each) => each.Id === id)?.Name ?? id).join(", ");
}

function newVariable(isSensitive: boolean): Variable {
  return { Id: "", Name: "", Value: "", IsSensitive: isSensitive, Type: isSensitive ? "Sensitive" : "String", Scope: {}, Prompt: null };
}
