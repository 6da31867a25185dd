// Starts what the tests need: an index of the stamps in a folder of its own, a server of it on a free port, a browser.
import { spawn, execFile } from "node:child_process";
import { cp, mkdtemp, readFile, readdir, rm, utimes, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const here = dirname(fileURLToPath(import.meta.url));
// Packages lie outside the clone; scripts/check_page says where.
const require = createRequire(
  process.env.FOVEA_PAGE_PACKAGES ? join(process.env.FOVEA_PAGE_PACKAGES, "package.json") : import.meta.url,
);
export const { chromium } = require("playwright-core");
export const axe = require.resolve("axe-core/axe.min.js");
export const WEB = resolve(here, "../../crates/fovea/src/web");

const FLAGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];
const run = promisify(execFile);

function needed(name) {
  if (!process.env[name]) throw new Error(`${name} is not set; scripts/check_page sets it`);
  return process.env[name];
}

// A server of `db`, once it answers.
async function serve(fovea, db, pictures) {
  const child = spawn(fovea, ["--db", db, "--json", "--quiet", "serve", "--listen", "127.0.0.1:0", "--allow-root", pictures], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const line = await new Promise((done, failed) => {
    let text = "";
    child.stdout.on("data", (data) => {
      text += data;
      if (text.includes("\n")) done(text.split("\n")[0]);
    });
    child.on("exit", (code) => failed(new Error(`fovea serve ended with ${code}`)));
  });
  const over = new Promise((done) => child.on("exit", done));
  const end = () => {
    child.kill("SIGINT");
    return over;
  };
  return { url: JSON.parse(line).listening, end };
}

// Enough to search in; all 785 with captions in a hundred languages would take longer to index than everything else.
const FOLDERS = ["animals", "food", "people"];
// Captions in a hundred languages would take longer to read than all the pictures.
const SPOKEN = /^(zh_CN|de|es)\./;
// When every picture was changed, so that a date in words is one of this collection.
const CHANGED = new Date("2023-07-14T12:00:00Z");

async function take(stamps, pictures) {
  for (const folder of FOLDERS) await cp(join(stamps, "stamps", folder), join(pictures, folder), { recursive: true });
  const files = await readdir(pictures, { recursive: true, withFileTypes: true });
  await Promise.all(
    files
      .filter((one) => one.isFile())
      .map(async (one) => {
        const path = join(one.parentPath ?? one.path, one.name);
        if (path.endsWith(".txt"))
          await writeFile(
            path,
            (await readFile(path, "utf8"))
              .split("\n")
              .filter((line, at) => !at || SPOKEN.test(line))
              .join("\n"),
          );
        await utimes(path, CHANGED, CHANGED);
      }),
  );
}

// A server that asks for a key, and one that opens it.
async function lock(fovea, db, pictures) {
  await run(fovea, ["--db", db, "--quiet", "index", join(pictures, "people")]);
  const { stdout } = await run(fovea, ["--db", db, "--json", "keys", "add", "page", "--role", "write"]);
  return { locked: await serve(fovea, db, pictures), key: JSON.parse(stdout).key };
}

// Everything, and a way to end it. The first search loads the model, which is no part of what is timed.
export async function start() {
  const fovea = needed("FOVEA");
  const folder = await mkdtemp(join(tmpdir(), "fovea-page-"));
  const pictures = join(folder, "pictures");
  await take(needed("FOVEA_STAMPS"), pictures);
  const began = performance.now();
  await run(fovea, ["--db", join(folder, "db"), "--quiet", "index", pictures]);
  console.log(`indexed in ${((performance.now() - began) / 1000).toFixed(0)} s`);
  const full = await serve(fovea, join(folder, "db"), pictures);
  const empty = await serve(fovea, join(folder, "empty"), pictures);
  const { locked, key } = await lock(fovea, join(folder, "locked"), pictures);
  await fetch(`${full.url}/api/v1/search?q=a+bird`);
  const browser = await chromium.launch({ executablePath: process.env.FOVEA_CHROMIUM ?? "/usr/bin/chromium", args: FLAGS });
  const end = async () => {
    await browser.close();
    await Promise.all([full.end(), empty.end(), locked.end()]);
    await rm(folder, { recursive: true, force: true });
  };
  return { browser, url: full.url, emptyUrl: empty.url, lockedUrl: locked.url, key, pictures, end };
}

const KINDS = {
  html: "text/html; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  css: "text/css; charset=utf-8",
  svg: "image/svg+xml",
};
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; base-uri 'none'; " +
  "frame-ancestors 'none'; form-action 'none'";

// With FOVEA_PAGE=tree the page comes from the working tree and not from the program: what one has just written is seen at once.
export async function fromTree(page) {
  if (process.env.FOVEA_PAGE !== "tree") return;
  await page.route(
    (url) => url.pathname === "/" || url.pathname.startsWith("/assets/"),
    async (route) => {
      const name = new URL(route.request().url()).pathname.replace("/assets/", "").replace(/^\/$/, "index.html");
      const body = await readFile(join(WEB, name)).catch(() => null);
      if (body === null) return route.fulfill({ status: 404 });
      return route.fulfill({
        body,
        headers: { "content-type": KINDS[name.split(".").pop()], "content-security-policy": POLICY },
      });
    },
  );
}
