/** Doing things: a button that sends a request, the same request to copy, and a question before what cannot be undone. */

import { useEffect, useRef, useState, type ReactNode } from "react";
import { asCurl, type ApiCall } from "../api/client";
import { useSend } from "../api/hooks";
import { useSession } from "../session";
import { Icon, type IconName } from "./icons";
import { useToasts } from "./toast";

/** Copies text, and says so. */
export function Copy({ text, label = "Copy" }: { text: string; label?: string }) {
  const { say, fail } = useToasts();
  const copy = () =>
    navigator.clipboard
      ? navigator.clipboard.writeText(text).then(() => say("Copied"), fail)
      : fail(new Error("This browser copies only on pages that come by HTTPS. Select the text and copy it yourself."));
  return (
    <button type="button" className="button plain icon" title={label} aria-label={label} onClick={() => void copy()}>
      <Icon name="copy" />
    </button>
  );
}

/** Copies an action as the API call that does it. */
export function CopyAs({ call }: { call: ApiCall }) {
  return <Copy text={asCurl(call)} label="Copy as API call (curl)" />;
}

export function Command({ text }: { text: string }) {
  return (
    <div className="command">
      <pre tabIndex={0}>{text}</pre>
      <Copy text={text} label="Copy command" />
    </div>
  );
}

interface ActProps<T> {
  readonly call: ApiCall;
  readonly children: ReactNode;
  readonly icon?: IconName;
  readonly look?: "primary" | "danger" | "plain" | "";
  readonly done?: (answer: T) => void;
  readonly said?: string;
  readonly disabled?: boolean;
  /** The permission that the server will ask for: without it the button is off and says so. */
  readonly needs?: string;
  /** What will be lost: asked before. */
  readonly confirm?: { readonly title: string; readonly text: ReactNode };
  readonly canCopy?: boolean;
}

/** A button that sends `call`. */
export function Act<T = unknown>({ call, children, icon, look = "", done, said, disabled, needs, confirm, canCopy = true }: ActProps<T>) {
  const [isAsking, setAsking] = useState(false);
  const { say, fail } = useToasts();
  const { may } = useSession();
  const sending = useSend<T>((answer) => {
    if (said) say(said);
    done?.(answer);
  });
  const isForbidden = needs !== undefined && !may(needs);
  const run = () => {
    setAsking(false);
    sending.mutate(call, { onError: fail });
  };
  return (
    <span className="acts">
      <button type="button" className={`button ${look}`} disabled={disabled || isForbidden || sending.isPending} title={isForbidden ? `You need the permission ${needs}. Ask an administrator.` : undefined} onClick={confirm ? () => setAsking(true) : run}>
        {sending.isPending ? <Icon name="busy" spins /> : icon && <Icon name={icon} />}
        {children}
      </button>
      {canCopy && <CopyAs call={call} />}
      {confirm && (
        <Dialog title={confirm.title} isOpen={isAsking} close={() => setAsking(false)}>
          <div>{confirm.text}</div>
          <div className="row end">
            <button type="button" className="button" onClick={() => setAsking(false)}>Keep it</button>
            <button type="button" className="button danger solid" onClick={run}>{children}</button>
          </div>
        </Dialog>
      )}
    </span>
  );
}

/** A native dialog: Escape closes it, and the focus stays inside. */
export function Dialog({ title, isOpen, close, children }: { title: string; isOpen: boolean; close: () => void; children: ReactNode }) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    if (isOpen && !dialog.current?.open) dialog.current?.showModal();
    if (!isOpen) dialog.current?.close();
  }, [isOpen]);
  return (
    <dialog ref={dialog} className="dialog" aria-label={title} onClose={close} onClick={(event) => event.target === dialog.current && close()}>
      {isOpen && (
        <div>
          <h2>{title}</h2>
          {children}
        </div>
      )}
    </dialog>
  );
}
