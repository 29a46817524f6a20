/** A project's process: its steps in order; scripts are edited here. */

import { useState } from "react";
import { request } from "../../api/client";
import type { Process, ProcessStep, Project } from "../../api/documents";
import { useRead, useSend } from "../../api/hooks";
import { CopyAs } from "../../components/actions";
import { AreaField, SelectField, TextField } from "../../components/forms";
import { Icon } from "../../components/icons";
import { Card } from "../../components/page";
import { Empty, Loaded, Problem } from "../../components/states";

const BODY = "Octopus.Action.Script.ScriptBody";
const ROLES = "Octopus.Action.TargetRoles";
const ON_SERVER = "Octopus.Action.RunOnServer";

export function ProcessTab({ project }: { project: Project }) {
  const params = { key: project.Id };
  const query = useRead<Process>(request("GET", "/api/projects/{key}/deploymentprocesses", { params }));
  return <Loaded query={query}>{(process) => <Editor key={process.Version} process={process} project={project} />}</Loaded>;
}

/** Changes are collected here and saved together, as one new version of the process. */
function Editor({ process, project }: { process: Process; project: Project }) {
  const [steps, setSteps] = useState(process.Steps);
  const saving = useSend();
  const call = request("PUT", "/api/projects/{key}/deploymentprocesses", { params: { key: project.Id }, body: { ...process, Steps: steps } });
  const change = (at: number, step: ProcessStep | null) => setSteps((before) => before.flatMap((each, place) => (place === at ? (step ? [step] : []) : [each])));
  const move = (at: number) => setSteps((before) => before.map((each, place) => (place === at - 1 ? before[at] : place === at ? before[at - 1] : each) as ProcessStep));
  const isChanged = steps !== process.Steps;
  return (
    <div className="stack">
      <Card>
        {steps.length === 0 ? <Empty title="No steps yet"><p>Steps run from top to bottom, each on workers or on the targets of a role.</p></Empty>
          : <ol>{steps.map((step, at) => <li key={step.Id ?? at} className="step-card"><Step step={step} number={at + 1} change={(next) => change(at, next)} up={at > 0 ? () => move(at) : undefined} /></li>)}</ol>}
      </Card>
      <Problem error={saving.error} />
      <div className="row wrap">
        <button type="button" className="button" onClick={() => setSteps((before) => [...before, newStep(before.length + 1)])}><Icon name="plus" />Add a script step</button>
        <button type="button" className="button primary" disabled={!isChanged || saving.isPending} onClick={() => saving.mutate(call)}>Save</button>
        {isChanged && <><button type="button" className="button plain" onClick={() => setSteps(process.Steps)}>Discard changes</button><CopyAs call={call} /></>}
      </div>
    </div>
  );
}

function Step({ step, number, change, up }: { step: ProcessStep; number: number; change: (step: ProcessStep | null) => void; up: (() => void) | undefined }) {
  const [isOpen, setOpen] = useState(!step.Id);
  const action = step.Actions[0];
  const setProperty = (name: string, value: string) => change({ ...step, Actions: step.Actions.map((each, at) => (at === 0 ? { ...each, Properties: { ...each.Properties, [name]: value } } : each)) });
  const roles = step.Properties[ROLES] ?? "";
  return (
    <>
      <div className="row wrap">
        <button type="button" className="button plain" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}><Icon name={isOpen ? "down" : "right"} /><strong>{number}. {step.Name}</strong></button>
        {step.Actions.map((each) => <span key={each.Name} className="chip">{each.ActionType.replace("Octopus.", "")}{each.IsDisabled ? ", disabled" : ""}</span>)}
        {roles && <span className="chip">on {roles}</span>}
        {step.Condition && step.Condition !== "Success" && <span className="chip">when: {step.Condition}</span>}
        <span className="grow" />
        {up && <button type="button" className="button plain" onClick={up}>Move up</button>}
        <button type="button" className="button plain" onClick={() => change(null)}>Remove</button>
      </div>
      {isOpen && (
        <div className="stack">
          <div className="form-grid">
            <TextField label="Name" value={step.Name} change={(Name) => change({ ...step, Name, Actions: step.Actions.length === 1 ? step.Actions.map((each) => ({ ...each, Name })) : step.Actions })} />
            <SelectField label="Runs when" value={step.Condition ?? "Success"} change={(Condition) => change({ ...step, Condition })}
              options={[{ value: "Success", label: "the steps before succeeded" }, { value: "Failure", label: "a step before failed" }, { value: "Always", label: "always" }, { value: "Variable", label: "a variable says so" }]} />
            {action?.ActionType === "Octopus.Script" && (
              <SelectField label="Runs on" value={(action.Properties[ON_SERVER] ?? "true").toLowerCase()} change={(value) => setProperty(ON_SERVER, value)} options={[{ value: "true", label: "a worker" }, { value: "false", label: "each target of the roles" }]} />
            )}
            <TextField label="Target roles" value={roles} change={(value) => change({ ...step, Properties: { ...step.Properties, [ROLES]: value } })} help="With commas between them." />
          </div>
          {action && BODY in action.Properties && <AreaField label="Script" value={action.Properties[BODY] ?? ""} change={(value) => setProperty(BODY, value)} rows={12} isCode help="#{Name} stands for a variable's value." />}
        </div>
      )}
    </>
  );
}

function newStep(number: number): ProcessStep {
  const name = `Script ${number}`;
  return { Name: name, Condition: "Success", Properties: {}, Actions: [{ Name: name, ActionType: "Octopus.Script", Properties: { "Octopus.Action.Script.Syntax": "Bash", "Octopus.Action.Script.ScriptSource": "Inline", [BODY]: 'echo "#{Octopus.Release.Number}"\n', [ON_SERVER]: "true" } }] };
}
