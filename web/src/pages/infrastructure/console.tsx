/** The script console: run a script on a pool, on workers or on targets, then watch its task. */

import { useState } from "react";
import { useNavigate, useParams } from "react-router";
import { request } from "../../api/client";
import type { Target, Task, Worker, WorkerPool } from "../../api/documents";
import { useRead, useSend } from "../../api/hooks";
import { CopyAs } from "../../components/actions";
import { AreaField, Choices, SelectField } from "../../components/forms";
import { Icon } from "../../components/icons";
import { Card, Page } from "../../components/page";
import { Problem } from "../../components/states";

const FIRST = { Bash: 'echo "Hello from $(hostname)"', Python: 'import platform\nprint("Hello from", platform.node())' } as const;
type Syntax = keyof typeof FIRST;
type Where = "WorkerPoolIds" | "WorkerIds" | "MachineIds";

export default function Console() {
  const { space = "" } = useParams();
  const navigate = useNavigate();
  const [syntax, setSyntax] = useState<Syntax>("Bash");
  const [body, setBody] = useState<string>(FIRST.Bash);
  const [where, setWhere] = useState<Where>("WorkerPoolIds");
  const [chosen, setChosen] = useState<string[]>([]);
  const running = useSend<Task>((task) => void navigate(`/${space}/tasks/${task.Id}`));
  const places = usePlaces(where);
  const call = request("POST", "/api/tasks", {
    body: { Name: "AdHocScript", Description: `Script: ${body.trim().split("\n")[0]?.slice(0, 60) ?? ""}`, Arguments: { ScriptBody: body, Syntax: syntax, ...(chosen.length ? { [where]: chosen } : {}) } },
  });
  const isReady = body.trim() !== "" && (where === "WorkerPoolIds" || chosen.length > 0);
  const run = () => isReady && !running.isPending && running.mutate(call);
  return (
    <Page title="Script console">
      <Card isPadded>
        <div className="stack">
          <div className="form-grid">
            <SelectField label="Language" value={syntax} options={[{ value: "Bash", label: "Bash" }, { value: "Python", label: "Python" }]}
              change={(value) => {
                if (body === FIRST[syntax]) setBody(FIRST[value as Syntax]);
                setSyntax(value as Syntax);
              }} />
            <SelectField label="Run on" value={where} help={where === "WorkerPoolIds" ? "Once, on one worker of each chosen pool; of the default pool when none is chosen." : "Once on each."}
              options={[{ value: "WorkerPoolIds", label: "A worker pool" }, { value: "WorkerIds", label: "Certain workers" }, { value: "MachineIds", label: "Deployment targets" }]}
              change={(value) => {
                setWhere(value as Where);
                setChosen([]);
              }} />
          </div>
          {places.length > 0 && <Choices label={where === "WorkerPoolIds" ? "Pools" : where === "WorkerIds" ? "Workers" : "Targets"} options={places} chosen={chosen} change={setChosen} />}
          <AreaField label="Script" value={body} change={setBody} rows={14} isCode onSubmit={run} help="Ctrl Enter runs it." />
          <Problem error={running.error} />
          <div className="row"><button type="button" className="button primary" disabled={!isReady || running.isPending} onClick={run}><Icon name="play" />Run</button><CopyAs call={call} /></div>
        </div>
      </Card>
    </Page>
  );
}

function usePlaces(where: Where) {
  const pools = useRead<WorkerPool[]>(request("GET", "/api/workerpools/all", {}));
  const workers = useRead<Worker[]>(request("GET", "/api/workers/all", {}), { enabled: where === "WorkerIds" });
  const targets = useRead<Target[]>(request("GET", "/api/machines/all", {}), { enabled: where === "MachineIds" });
  const found = where === "WorkerPoolIds" ? pools.data : where === "WorkerIds" ? workers.data : targets.data;
  return (found ?? []).map((each) => ({ value: each.Id, label: each.Name }));
}
