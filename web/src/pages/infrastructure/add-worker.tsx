/** Add a worker: the exact commands with a fresh key that soon lapses, and a light that turns green when it connects. */

import { useState } from "react";
import { Link, useParams, useSearchParams } from "react-router";
import { request } from "../../api/client";
import type { Worker, WorkerPool } from "../../api/documents";
import { useRead, useSend } from "../../api/hooks";
import { Command } from "../../components/actions";
import { SelectField, TextField } from "../../components/forms";
import { Icon } from "../../components/icons";
import { Card, Page } from "../../components/page";
import { Problem } from "../../components/states";
import { machineState, Status } from "../../components/status";
import { useSession } from "../../session";

const KEY_HOURS = 1;
const LOOK_MS = 1500;

export default function AddWorker() {
  const { space = "" } = useParams();
  const [search] = useSearchParams();
  const { user } = useSession();
  const pools = useRead<WorkerPool[]>(request("GET", "/api/workerpools/all", {}));
  const [name, setName] = useState("worker-1");
  const [style, setStyle] = useState("TentacleActive");
  const [port, setPort] = useState("10943");
  const [pool, setPool] = useState(search.get("pool") ?? "");
  const [key, setKey] = useState("");
  const making = useSend<{ ApiKey: string }>((made) => setKey(made.ApiKey));
  const makeKey = () => {
    const expires = new Date(Date.now() + KEY_HOURS * 3_600_000).toISOString();
    making.mutate(request("POST", "/api/users/{user_id}/apikeys", { params: { user_id: user.Id }, body: { Purpose: `Add the worker ${name}`, Expires: expires }, isSystem: true }));
  };
  const chosen = pools.data?.find((each) => each.Id === pool) ?? pools.data?.find((each) => each.IsDefault);
  const isNameGood = /^[\w.-]+$/.test(name);
  const isPolling = style === "TentacleActive";
  return (
    <Page title="Add a worker" above={<Link to={`/${space}/infrastructure`}>Infrastructure</Link>}>
      <ol className="guide">
        <li>
          <Card title="Choose how it connects" isPadded>
            <div className="form-grid">
              <TextField label="Name" value={name} change={setName} isRequired help={isNameGood ? "Of the worker here and of the agent on its machine." : "Letters, digits, dots and dashes only."} />
              <SelectField label="Connection" value={style} change={setStyle} help={isPolling ? "Nothing needs to reach the worker: good behind a firewall." : "The server dials the worker on port 10933."}
                options={[{ value: "TentacleActive", label: "Polling: the worker dials the server" }, { value: "TentaclePassive", label: "Listening: the server dials the worker" }]} />
              <SelectField label="Pool" value={chosen?.Id ?? ""} change={setPool} options={(pools.data ?? []).map((each) => ({ value: each.Id, label: each.Name }))} />
              {isPolling && <TextField label="Server's polling port" value={port} change={setPort} help="10943, unless the server was started with another one." />}
            </div>
          </Card>
        </li>
        <li>
          <Card title="Get a key for the registration" isPadded>
            <div className="stack tight">
              <p className="quiet">The commands below need an API key of yours. This one lapses after {KEY_HOURS} hour, and is shown only now.</p>
              <Problem error={making.error} />
              <div><button type="button" className="button primary" disabled={Boolean(key) || making.isPending || !isNameGood} onClick={makeKey}>{key ? "The key is in the commands" : "Make a key for an hour"}</button></div>
            </div>
          </Card>
        </li>
        <li>
          <Card title="Run this on the machine" isPadded>
            <div className="stack tight">
              <p className="quiet">As root, with Octavo installed there. Without root: first <code>export TentacleMachineConfigurationHomeDirectory=$HOME/octopus</code>, and other folders.</p>
              <Command text={commands(name, isPolling, chosen?.Name ?? "Default Worker Pool", key || "API-…", port, space)} />
              <p className="quiet">Without systemd, or in a container, the last line is: <code>tentacle agent --instance {name} --noninteractive</code></p>
            </div>
          </Card>
        </li>
        <li><Arrival name={name} space={space} /></li>
      </ol>
    </Page>
  );
}

function commands(name: string, isPolling: boolean, pool: string, key: string, port: string, space: string): string {
  const instance = `--instance ${name}`;
  const inSpace = space === "Spaces-1" ? "" : ` --space "${space}"`;
  return [
    `tentacle create-instance ${instance} --config "/etc/octopus/${name}/tentacle.config"`,
    `tentacle new-certificate ${instance} --if-blank`,
    `tentacle configure ${instance} --app "/home/Octopus/Applications"${isPolling ? " --noListen True" : " --reset-trust"}`,
    `OCTAVO_API_KEY=${key} tentacle register-worker ${instance} --server "${location.origin}" --name "${name}" --comms-style ${isPolling ? "TentacleActive" : "TentaclePassive"} --workerpool "${pool}"` +
      (isPolling ? ` --server-comms-port ${port}` : "") + inSpace,
    `tentacle service --install --start ${instance}`,
  ].join("\n");
}

/** Waits for the worker of this name. */
function Arrival({ name, space }: { name: string; space: string }) {
  const workers = useRead<Worker[]>(request("GET", "/api/workers/all", {}), { every: LOOK_MS });
  const worker = workers.data?.find((each) => each.Name === name);
  const isHealthy = worker?.HealthStatus === "Healthy" || worker?.HealthStatus === "HasWarnings";
  return (
    <div className={`banner ${isHealthy ? "tone-good" : worker ? "tone-busy" : ""}`} role="status" data-testid="arrival">
      <Icon name={isHealthy ? "check" : "busy"} spins={!isHealthy} />
      <div className="body row wrap">
        {worker ? (
          <>
            <strong className="grow">{isHealthy ? `${name} is connected and healthy.` : `${name} is registered. Its first health check comes when it connects.`}</strong>
            <Status state={machineState(worker)} />
            <Link className="button" to={`/${space}/infrastructure/workers/${worker.Id}`}>Open the worker</Link>
          </>
        ) : <span>Waiting for {name} to register…</span>}
      </div>
    </div>
  );
}
