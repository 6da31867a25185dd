// The page in Chromium, over a real server of a real index. One server and one browser for all; each test is a visit of its own.
import { after, before } from "node:test";

import { start } from "./serve.js";
import { access } from "./suites/access.js";
import { finding } from "./suites/finding.js";
import { looking } from "./suites/looking.js";
import { managing } from "./suites/managing.js";
import { measured } from "./suites/measured.js";
import { pictures } from "./suites/pictures.js";
import { trouble } from "./suites/trouble.js";

// Filled before the first test: a server with pictures, one without, a browser.
const world = {};

before(async () => Object.assign(world, await start()), { timeout: 120_000 });
after(() => world.end?.());

for (const suite of [measured, finding, pictures, looking, managing, trouble, access]) suite(world);
