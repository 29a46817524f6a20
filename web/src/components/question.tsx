/** What a task asks, answered in place. */

import { useState } from "react";
import { request, send } from "../api/client";
import type { Interruption } from "../api/documents";
import { useSend } from "../api/hooks";
import { CopyAs } from "./actions";
import { AreaField } from "./forms";
import { Icon } from "./icons";
import { Time } from "./time";
import { useToasts } from "./toast";

const STOPPING = new Set(["Abort", "Fail"]);

export function Question({ question }: { question: Interruption }) {
  const [notes, setNotes] = useState("");
  const { say, fail } = useToasts();
  const params = { key: question.Id };
  const answering = useSend(() => say("Answered"));
  const buttons = question.Form.Elements.find((each) => each.Control.Type === "SubmitButtonGroup");
  const text = question.Form.Elements.find((each) => each.Control.Type === "Paragraph")?.Control.Text;
  const submit = (value: string) => request("POST", "/api/interruptions/{key}/submit", { params, body: { [buttons?.Name ?? "Result"]: value, Notes: notes } });
  const answer = async (value: string) => {
    try {
      if (!question.HasResponsibility) await send(request("PUT", "/api/interruptions/{key}/responsible", { params }));
      await answering.mutateAsync(submit(value));
    } catch (error) {
      fail(error as Error);
    }
  };
  return (
    <section className="banner tone-warn" aria-label={question.Title}>
      <Icon name="question" />
      <div className="body stack tight">
        <div className="row wrap"><h2 className="grow">{question.Title}</h2><span className="small quiet">asked <Time at={question.Created} /></span></div>
        {text && <p>{text}</p>}
        {question.ResponsibleUserId && !question.HasResponsibility && <p className="quiet">Somebody else has taken this on; answering takes it over.</p>}
        <AreaField label="Notes (kept with the answer)" value={notes} change={setNotes} rows={2} />
        <div className="row wrap">
          {buttons?.Control.Buttons?.map((button, place) => (
            <span className="acts" key={button.Value}>
              <button type="button" disabled={answering.isPending} onClick={() => void answer(button.Value)}
                className={`button ${STOPPING.has(button.Value) ? "danger" : place < 2 ? "primary" : ""}`}>{button.Text}</button>
              <CopyAs call={submit(button.Value)} />
            </span>
          ))}
        </div>
      </div>
    </section>
  );
}
