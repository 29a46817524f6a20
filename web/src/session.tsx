/** Who is signed in, and to which installation. Everything else is shown only when both are known. */

import { useQueryClient } from "@tanstack/react-query";
import { createContext, useContext, useEffect, type ReactNode } from "react";
import { currentSpace, rememberInstallation, request, send } from "./api/client";
import type { Root, User } from "./api/documents";
import { useRead } from "./api/hooks";
import { Failed, Loading } from "./components/states";
import { SignIn } from "./pages/sign-in";

interface Rights {
  SpacePermissions: Record<string, { SpaceId: string }[]>;
  SystemPermissions: string[];
}

interface Session {
  readonly user: User;
  readonly root: Root;
  /** Whether the server grants this anywhere in the space or the system; while it has not said so, yes: it refuses what is not allowed anyway. */
  readonly may: (permission: string) => boolean;
  readonly signOut: () => Promise<void>;
}

const Context = createContext<Session | null>(null);

export function useSession(): Session {
  const session = useContext(Context);
  if (!session) throw new Error("Only pages behind the sign-in have a session.");
  return session;
}

/** Shows its children to who is signed in, the sign-in to everybody else. */
export function SignedIn({ children }: { children: ReactNode }) {
  const client = useQueryClient();
  const root = useRead<Root>(request("GET", "/api", { isSystem: true }));
  const me = useRead<User>(request("GET", "/api/users/me", { isSystem: true }), { enabled: root.isSuccess });
  useEffect(() => {
    if (root.data) rememberInstallation(root.data.InstallationId);
  }, [root.data]);
  const rights = useRead<Rights>(request("GET", "/api/users/{user_id}/permissions", { params: { user_id: me.data?.Id ?? "" }, isSystem: true }), { enabled: me.isSuccess });
  // A session that the server no longer knows is refused already at the root: then too the sign-in helps.
  const isRefused = me.error?.status === 401 || root.error?.status === 401;
  if (isRefused) return <SignIn done={() => client.resetQueries()} />;
  const error = root.error ?? me.error;
  if (error && !me.data) return <Failed error={error} retry={() => void client.resetQueries()} />;
  if (!me.data || !root.data) return <Loading />;
  const may = (permission: string) =>
    !rights.data || rights.data.SystemPermissions.includes(permission) || (rights.data.SpacePermissions[permission] ?? []).some((each) => each.SpaceId === currentSpace());
  const signOut = async () => {
    await send(request("POST", "/api/users/logout", { isSystem: true }));
    await client.resetQueries();
  };
  return <Context.Provider value={{ user: me.data, root: root.data, may, signOut }}>{children}</Context.Provider>;
}
