/** A deployment's address, as the command line prints it, leads to its task. */

import { Navigate, useParams } from "react-router";
import { request } from "../../api/client";
import { useRead } from "../../api/hooks";
import { Loaded } from "../../components/states";

export default function DeploymentLink() {
  const { space = "", deployment = "" } = useParams();
  const query = useRead<{ TaskId: string }>(request("GET", "/api/deployments/{key}", { params: { key: deployment } }));
  return <Loaded query={query}>{(found) => <Navigate to={`/${space}/tasks/${found.TaskId}`} replace />}</Loaded>;
}
