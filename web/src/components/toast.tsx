/** Short messages at the edge of the page; they go by themselves, errors stay until closed. */

import { createContext, useCallback, useContext, useMemo, useState, type ReactNode } from "react";
import { Icon } from "./icons";

interface Toast {
  readonly id: number;
  readonly text: string;
  readonly isError: boolean;
}
interface Toasts {
  readonly say: (text: string) => void;
  readonly fail: (error: Error) => void;
}

const SECONDS = 4;
const Context = createContext<Toasts>({ say: () => undefined, fail: () => undefined });

export function useToasts(): Toasts {
  return useContext(Context);
}

export function ToastProvider({ children }: { children: ReactNode }) {
  const [toasts, setToasts] = useState<readonly Toast[]>([]);
  const close = useCallback((id: number) => setToasts((all) => all.filter((each) => each.id !== id)), []);
  const add = useCallback((text: string, isError: boolean) => {
    const id = Date.now() + Math.random();
    setToasts((all) => [...all.slice(-3), { id, text, isError }]);
    if (!isError) setTimeout(() => close(id), SECONDS * 1000);
  }, [close]);
  const value = useMemo<Toasts>(() => ({ say: (text) => add(text, false), fail: (error) => add(error.message, true) }), [add]);
  return (
    <Context.Provider value={value}>
      {children}
      <div className="toasts" role="status" aria-live="polite">
        {toasts.map((toast) => (
          <div key={toast.id} className={`toast banner tone-${toast.isError ? "bad" : "good"}`}>
            <Icon name={toast.isError ? "warning" : "check"} />
            <div className="body">{toast.text}</div>
            <button type="button" className="button plain icon" aria-label="Close" onClick={() => close(toast.id)}><Icon name="cross" /></button>
          </div>
        ))}
      </div>
    </Context.Provider>
  );
}
