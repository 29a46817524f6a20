/** Packages of the built-in feed; new ones are dropped here. */

import { useQueryClient } from "@tanstack/react-query";
import { useRef, useState } from "react";
import { asError, csrfHeader, request } from "../../api/client";
import type { FeedPackage, Page as PageOf } from "../../api/documents";
import { useRead } from "../../api/hooks";
import { Act } from "../../components/actions";
import { Icon } from "../../components/icons";
import { Card, Table } from "../../components/page";
import { Pager } from "../../components/pager";
import { Empty, Loaded } from "../../components/states";
import { Time } from "../../components/time";

const TAKE = 50;
const UNITS = ["B", "KB", "MB", "GB"];
interface Upload {
  readonly name: string;
  readonly share: number;
  readonly error?: string;
}

export function Packages() {
  const [text, setText] = useState("");
  const [skip, setSkip] = useState(0);
  const packages = useRead<PageOf<FeedPackage>>(request("GET", "/api/packages", { query: { skip, take: TAKE, filter: text } }), { keep: true });
  return (
    <>
      <Drop />
      <input className="input" type="search" aria-label="Filter packages" placeholder="Filter packages" value={text} onChange={(event) => setText(event.target.value)} />
      <Card>
        <Loaded query={packages}>
          {(page) => page.Items.length === 0 ? <Empty title={text ? "No package is called so" : "No packages yet"}>{!text && <p>Drop one above. The name says what it is: <code>WebShop.1.2.3.zip</code></p>}</Empty> : (
            <>
              <Table label="Packages" heads={["Package", "Version", "Size", "Pushed", ""]}>
                {page.Items.map((each) => (
                  <tr key={each.Id}><td>{each.PackageId}</td><td className="mono">{each.Version}</td><td className="number">{size(each.PackageSizeBytes)}</td><td><Time at={each.Published} /></td>
                    <td className="acts-cell"><a className="button" href={request("GET", "/api/packages/{key}/raw", { params: { key: each.Id } }).url}>Download</a>{" "}
                      <Act look="danger" call={request("DELETE", "/api/packages/{key}", { params: { key: each.Id } })} said="Deleted" confirm={{ title: `Delete ${each.PackageId} ${each.Version}?`, text: "Its bytes are gone. Releases that use this version can no longer be deployed." }}>Delete</Act></td></tr>
                ))}
              </Table>
              <Pager skip={skip} take={TAKE} total={page.TotalResults} change={setSkip} />
            </>
          )}
        </Loaded>
      </Card>
    </>
  );
}

function Drop() {
  const client = useQueryClient();
  const [isOver, setOver] = useState(false);
  const [uploads, setUploads] = useState<readonly Upload[]>([]);
  const picker = useRef<HTMLInputElement>(null);
  const push = (files: FileList | null) => {
    for (const file of files ?? []) {
      const tell = (upload: Upload) => setUploads((before) => [...before.filter((each) => each.name !== file.name), upload]);
      pushPackage(file, (share) => tell({ name: file.name, share })).then(
        () => {
          tell({ name: file.name, share: 1 });
          void client.invalidateQueries();
        },
        (error: unknown) => tell({ name: file.name, share: 0, error: (error as Error).message }),
      );
    }
  };
  return (
    <div className={`drop ${isOver ? "over" : ""}`}
      onDragOver={(event) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={(event) => {
        event.preventDefault();
        setOver(false);
        push(event.dataTransfer.files);
      }}>
      <Icon name="package" size={24} />
      <p>Drop packages here, or <button type="button" className="button" onClick={() => picker.current?.click()}>choose files</button></p>
      <input ref={picker} type="file" multiple hidden aria-label="Packages" onChange={(event) => push(event.target.files)} />
      {uploads.map((each) => (
        <div key={each.name} className="row wrap" role="status">
          <span>{each.name}</span>
          {each.error ? <span className="tone-bad">{each.error}</span> : each.share < 1 ? <progress aria-label={`Pushing ${each.name}`} value={each.share} max={1} /> : <span className="tone-good">pushed</span>}
        </div>
      ))}
    </div>
  );
}

/** With XMLHttpRequest, because fetch does not tell how far an upload is. */
function pushPackage(file: File, tell: (share: number) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const upload = new XMLHttpRequest();
    const form = new FormData();
    form.set("file", file);
    upload.open("POST", request("POST", "/api/packages/raw", {}).url);
    for (const [name, value] of Object.entries(csrfHeader("POST"))) upload.setRequestHeader(name, value);
    upload.upload.onprogress = (event) => tell(Math.min(0.99, event.loaded / event.total));
    upload.onerror = () => reject(new Error("The connection was cut off."));
    upload.onload = () => {
      if (upload.status < 300) return resolve();
      let told: unknown = null;
      try {
        told = JSON.parse(upload.responseText);
      } catch {
        // no JSON: the status says enough
      }
      reject(asError(upload.status, told));
    };
    upload.send(form);
  });
}

function size(bytes: number): string {
  const power = bytes > 0 ? Math.min(UNITS.length - 1, Math.floor(Math.log(bytes) / Math.log(1024))) : 0;
  return `${(bytes / 1024 ** power).toFixed(power ? 1 : 0)} ${UNITS[power]}`;
}
