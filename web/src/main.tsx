/** The start: theme, router, queries. */

import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { BrowserRouter } from "react-router";
import { ApiError } from "./api/client";
import { App } from "./app";
import { ToastProvider } from "./components/toast";
import { SignedIn } from "./session";
import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/components.css";
import "./styles/pages.css";
import { applyStoredTheme } from "./theme";

applyStoredTheme();
// Addresses as the API's links and the official clients spell them: /app#/Spaces-1/tasks/ServerTasks-1
if (location.hash.startsWith("#/")) history.replaceState(null, "", `/app${location.hash.slice(1)}`);

const client = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 2000,
      retry: (count, error) => count < 2 && !(error instanceof ApiError && error.status >= 400 && error.status < 500),
    },
  },
});
// A session that ended while a page was open: ask who we are, and the sign-in appears.
client.getQueryCache().subscribe((event) => {
  if (event.type === "updated" && event.action.type === "error" && (event.query.state.error as ApiError).status === 401) {
    if (event.query.queryKey[0] !== "/api/users/me") void client.invalidateQueries({ queryKey: ["/api/users/me"] });
  }
});

const root = document.getElementById("root");
if (root) {
  createRoot(root).render(
    <StrictMode>
      <QueryClientProvider client={client}>
        <ToastProvider>
          <BrowserRouter basename="/app">
            <SignedIn><App /></SignedIn>
          </BrowserRouter>
        </ToastProvider>
      </QueryClientProvider>
    </StrictMode>,
  );
}
