import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import react from "@vitejs/plugin-react";
import { defineConfig, type Plugin } from "vite";

/** Lays a packed copy beside each text, so that the server need not pack for every visitor. */
function packed(): Plugin {
  return {
    name: "packed",
    writeBundle: ({ dir = "" }) => {
      const assets = join(dir, "assets");
      for (const name of readdirSync(assets)) {
        if (/\.(js|css)$/.test(name)) writeFileSync(join(assets, `${name}.gz`), gzipSync(readFileSync(join(assets, name)), { level: 9 }));
      }
    },
  };
}

/** The server serves the result at /app; in development, `OCTAVO=http://… npm run dev` passes API calls on to a server. */
export default defineConfig({
  base: "/app/",
  plugins: [react(), packed()],
  build: { outDir: "../src/octavo/server/web_files", emptyOutDir: true, target: "es2022", assetsInlineLimit: 0 },
  server: { proxy: { "/api": process.env["OCTAVO"] ?? "http://127.0.0.1:8080" } },
});
