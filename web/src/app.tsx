/** The addresses of all pages. Every page but the first ones is loaded when it is opened. */

import { lazy, Suspense } from "react";
import { Navigate, Route, Routes, useParams } from "react-router";
import { enterSpace, request } from "./api/client";
import type { Space } from "./api/documents";
import { useRead } from "./api/hooks";
import { Empty, Loaded, Loading } from "./components/states";
import { Layout } from "./layout";
import { Dashboard } from "./pages/dashboard";

const TaskPage = lazy(() => import("./pages/tasks/task"));
const Tasks = lazy(() => import("./pages/tasks/tasks"));
const Infrastructure = lazy(() => import("./pages/infrastructure/infrastructure"));
const WorkerPage = lazy(() => import("./pages/infrastructure/worker"));
const AddWorker = lazy(() => import("./pages/infrastructure/add-worker"));
const Console = lazy(() => import("./pages/infrastructure/console"));
const Projects = lazy(() => import("./pages/project/projects"));
const ProjectPage = lazy(() => import("./pages/project/project"));
const ReleasePage = lazy(() => import("./pages/releases/release"));
const CreateRelease = lazy(() => import("./pages/releases/create-release"));
const Deploy = lazy(() => import("./pages/releases/deploy"));
const DeploymentLink = lazy(() => import("./pages/releases/deployment-link"));
const Library = lazy(() => import("./pages/library/library"));
const Configuration = lazy(() => import("./pages/configuration/configuration"));
const Audit = lazy(() => import("./pages/configuration/audit"));

const SPACE_KEY = "octavo.space";

export function App() {
  return (
    <Routes>
      <Route path="/" element={<FirstSpace />} />
      <Route path="/:space/*" element={<InSpace />} />
    </Routes>
  );
}

function FirstSpace() {
  const spaces = useRead<Space[]>(request("GET", "/api/spaces/all", { isSystem: true }));
  return (
    <Loaded query={spaces}>
      {(all) => {
        const last = localStorage.getItem(SPACE_KEY);
        const first = all.find((each) => each.Id === last) ?? all.find((each) => each.IsDefault) ?? all[0];
        return first ? <Navigate to={`/${first.Id}`} replace /> : <Empty title="No space is open to you">Ask an administrator to put you into a team.</Empty>;
      }}
    </Loaded>
  );
}

function InSpace() {
  const space = useParams()["space"] ?? "";
  enterSpace(space); // before the pages below ask for anything
  localStorage.setItem(SPACE_KEY, space);
  return (
    <Layout space={space}>
      <Suspense fallback={<Loading />}>
        <Routes>
          <Route index element={<Dashboard />} />
          <Route path="tasks" element={<Tasks />} />
          <Route path="tasks/:id" element={<TaskPage />} />
          <Route path="projects" element={<Projects />} />
          <Route path="projects/:project/releases/new" element={<CreateRelease />} />
          <Route path="projects/:project/releases/:version" element={<ReleasePage />} />
          <Route path="projects/:project/deployments/releases/:version" element={<ReleasePage />} />
          <Route path="projects/:project/deployments/releases/:version/deployments/:deployment" element={<DeploymentLink />} />
          <Route path="projects/:project/releases/:version/deploy" element={<Deploy />} />
          <Route path="projects/:project/*" element={<ProjectPage />} />
          <Route path="deployments/:deployment" element={<DeploymentLink />} />
          <Route path="infrastructure/workers/new" element={<AddWorker />} />
          <Route path="infrastructure/workers/:id" element={<WorkerPage />} />
          <Route path="infrastructure/*" element={<Infrastructure />} />
          <Route path="console" element={<Console />} />
          <Route path="library/*" element={<Library />} />
          <Route path="audit" element={<Audit />} />
          <Route path="configuration/*" element={<Configuration />} />
          <Route path="*" element={<Empty title="There is no such page">Look for it with Ctrl K.</Empty>} />
        </Routes>
      </Suspense>
    </Layout>
  );
}
