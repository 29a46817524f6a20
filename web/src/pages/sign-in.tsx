/** The sign-in: name and password. */

import { useState, type FormEvent } from "react";
import { request, send } from "../api/client";
import { TextField } from "../components/forms";
import { Problem } from "../components/states";

export function SignIn({ done }: { done: () => void }) {
  const [name, setName] = useState("");
  const [password, setPassword] = useState("");
  const [error, setError] = useState<Error | null>(null);
  const [isBusy, setBusy] = useState(false);
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setError(null);
    try {
      await send(request("POST", "/api/users/login", { body: { Username: name, Password: password }, isSystem: true }));
      done();
    } catch (refusal) {
      setError(refusal as Error);
      setBusy(false);
    }
  };
  return (
    <main className="sign-in">
      <form className="card" onSubmit={(event) => void submit(event)}>
        <h1 className="brand"><img src="/app/octavo.svg" alt="" width="32" height="32" />Octavo</h1>
        <TextField label="User name" value={name} change={setName} autoComplete="username" isRequired isFocused />
        <TextField label="Password" value={password} change={setPassword} type="password" autoComplete="current-password" isRequired />
        <Problem error={error} />
        <button type="submit" className="button primary" disabled={isBusy}>{isBusy ? "Signing in…" : "Sign in"}</button>
      </form>
    </main>
  );
}
