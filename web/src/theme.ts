/** Light or dark: as the system says, until somebody chooses. */

import { useState } from "react";

export type Theme = "auto" | "light" | "dark";
const KEY = "octavo.theme";
const NEXT: Record<Theme, Theme> = { auto: "light", light: "dark", dark: "auto" };

export function applyStoredTheme(): Theme {
  const stored = localStorage.getItem(KEY);
  const theme: Theme = stored === "light" || stored === "dark" ? stored : "auto";
  apply(theme);
  return theme;
}

/** The theme, and how to go on to the next one. */
export function useTheme(): readonly [Theme, () => void] {
  const [theme, setTheme] = useState(applyStoredTheme);
  const goOn = () => {
    const next = NEXT[theme];
    localStorage.setItem(KEY, next);
    apply(next);
    setTheme(next);
  };
  return [theme, goOn];
}

function apply(theme: Theme): void {
  if (theme === "auto") delete document.documentElement.dataset["theme"];
  else document.documentElement.dataset["theme"] = theme;
}
