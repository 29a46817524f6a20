/** One project: releases by environment, its process and its variables. */

import { Link, Route, Routes, useParams } from "react-router";
import { request } from "../../api/client";
import type { Page as PageOf, Project, ProjectProgression, Release } from "../../api/documents";
import { useRead } from "../../api/hooks";
import { Icon } from "../../components/icons";
import { Card, Page, Table, Tabs } from "../../components/page";
import { Empty, Failed, Loaded, Loading } from "../../components/states";
import { Time } from "../../components/time";
import { Cell } from "../dashboard";
import { ProcessTab } from "./process";
import { VariablesTab } from "./variables";

export default function ProjectPage() {
  const { space = "", project: key = "" } = useParams();
  const query = useRead<Project>(request("GET", "/api/projects/{key}", { params: { key } }));
  const project = query.data;
  if (!project) return query.error ? <Failed error={query.error} /> : <Loading />;
  const base = `/${space}/projects/${key}`;
  return (
    <Page title={project.Name} above={<Link to={`/${space}/projects`}>Projects</Link>} actions={<Link className="button primary" to={`${base}/releases/new`}><Icon name="plus" />Create release</Link>}>
      {project.Description && <p className="quiet">{project.Description}</p>}
      <Tabs label="Project" tabs={[{ to: base, name: "Overview", isEnd: true }, { to: `${base}/releases`, name: "Releases" }, { to: `${base}/process`, name: "Process" }, { to: `${base}/variables`, name: "Variables" }]} />
      <Routes>
        <Route index element={<Overview project={project} space={space} />} />
        <Route path="releases" element={<Releases project={project} space={space} />} />
        <Route path="process" element={<ProcessTab project={project} />} />
        <Route path="variables" element={<VariablesTab project={project} />} />
        <Route path="*" element={<Overview project={project} space={space} />} />
      </Routes>
    </Page>
  );
}

function Overview({ project, space }: { project: Project; space: string }) {
  const progression = useRead<ProjectProgression>(request("GET", "/api/projects/{key}/progression", { params: { key: project.Id } }), { every: 4000 });
  return (
    <Card>
      <Loaded query={progression}>
        {(answer) => answer.Releases.length === 0 ? (
          <Empty title="No releases yet"><p>A release freezes process, variables and package versions; it is what gets deployed.</p><Link className="button primary" to={`/${space}/projects/${project.Slug}/releases/new`}>Create the first release</Link></Empty>
        ) : (
          <div className="scroller" tabIndex={0} role="region" aria-label="Releases by environment">
            <table className="table dashboard">
              <thead><tr><th scope="col">Release</th>{answer.Environments.map((place) => <th key={place.Id} scope="col">{place.Name}</th>)}</tr></thead>
              <tbody>
                {answer.Releases.map(({ Release: release, Deployments: deployments }) => (
                  <tr key={release.Id}>
                    <th scope="row"><Link to={`/${space}/projects/${project.Slug}/releases/${encodeURIComponent(release.Version)}`}>{release.Version}</Link></th>
                    {answer.Environments.map((place) => {
                      const item = deployments[place.Id]?.[0];
                      return <td key={place.Id}>{item && <Cell item={item} space={space} />}</td>;
                    })}
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        )}
      </Loaded>
    </Card>
  );
}

function Releases({ project, space }: { project: Project; space: string }) {
  const releases = useRead<PageOf<Release>>(request("GET", "/api/projects/{key}/releases", { params: { key: project.Id }, query: { take: 100 } }));
  return (
    <Card>
      <Loaded query={releases}>
        {(page) => page.Items.length === 0 ? <Empty title="No releases yet" /> : (
          <Table label="Releases" heads={["Version", "Made", "Notes", ""]}>
            {page.Items.map((each) => {
              const to = `/${space}/projects/${project.Slug}/releases/${encodeURIComponent(each.Version)}`;
              return (
                <tr key={each.Id}><td><Link to={to}>{each.Version}</Link></td><td><Time at={each.Assembled} /></td><td className="quiet">{each.ReleaseNotes}</td>
                  <td className="acts-cell"><Link className="button" to={`${to}/deploy`}>Deploy</Link></td></tr>
              );
            })}
          </Table>
        )}
      </Loaded>
    </Card>
  );
}
