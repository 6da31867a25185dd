// Accessibility by axe-core, and screenshots to be looked at: in both themes, both languages, three sizes.
import assert from "node:assert/strict";
import { mkdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { SIZES, results, said, visit } from "../browse.js";
import { axe } from "../serve.js";

const SHOTS = process.env.FOVEA_PAGE_SHOTS ?? join(dirname(fileURLToPath(import.meta.url)), "../screenshots");

// Findings that keep somebody from using the page.
async function findings(page) {
  // The policy of the page allows no script of others, so that axe comes in by the debugger.
  await page.evaluate(await readFile(axe, "utf8"));
  const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
  const bad = violations.filter(({ impact }) => ["serious", "critical"].includes(impact));
  const rest = violations.filter((one) => !bad.includes(one)).map(({ id, impact }) => `${id} (${impact})`);
  return {
    bad: bad.map(
      ({ id, help, nodes }) =>
        `${id}: ${help}: ${nodes
          .map(({ html }) => html)
          .slice(0, 3)
          .join(" ")}`,
    ),
    rest,
  };
}

// Once every picture that has a place on the page is there.
const painted = (page) => page.waitForFunction(() => [...document.images].every((one) => one.complete || one.loading === "lazy"));

async function check(page, name) {
  const { bad, rest } = await findings(page);
  if (rest.length) console.log(`axe, ${name}: ${rest.join(", ")}`);
  assert.deepEqual(bad, [], name);
}

const VIEWS = {
  results: async (page) => {
    await results(page);
    await page.waitForSelector(".cut");
  },
  detail: async (page) => {
    await page.locator("a.shot").first().click();
    await page.waitForSelector("dialog .strip img");
    await page.click("#why-button");
    await page.waitForSelector("#why .shares");
  },
  help: async (page) => {
    await page.keyboard.press("?");
    await page.waitForSelector("dialog.help");
  },
};

export function access(world) {
  for (const theme of ["light", "dark"]) {
    for (const locale of ["en-GB", "zh-CN"]) {
      test(`axe finds nothing serious: ${theme}, ${locale}`, async () => {
        for (const [name, show] of Object.entries(VIEWS)) {
          const { page, end } = await visit(world, "/?q=a+penguin+July+2023+-+water", { theme, locale });
          await show(page);
          await check(page, `${name}, ${theme}, ${locale}`);
          await end();
        }
      });
    }

    test(`axe finds nothing serious where there is little: ${theme}`, async () => {
      const gone = (page) => page.route("**/api/v1/search*", (route) => route.abort());
      for (const [name, path, options, wait] of [
        ["nothing", "/?q=a+duck&f=year:1999", {}, ".nothing"],
        ["failure", "/", { before: gone }, ".failure"],
        ["small", "/?q=a+duck", { size: "small" }, ".tile"],
        ["panel", "/?q=a+duck", { size: "small" }, "panel"],
      ]) {
        const { page, end } = await visit(world, path, { theme, ...options });
        if (wait === "panel") await page.click("#panel-open");
        else await page.waitForSelector(wait);
        await page.waitForTimeout(200);
        await check(page, `${name}, ${theme}`);
        await end();
      }
    });
  }

  test("a screen reader is told what is found and where it is", async () => {
    const { page, end } = await visit(world, "/?q=a+penguin");
    await said(page, /match/);
    assert.equal(await page.getAttribute("#said", "role"), "status");
    const grid = page.getByRole("grid", { name: "Results" });
    assert.ok((await grid.getByRole("row").count()) > 0);
    assert.ok(Number(await grid.getAttribute("aria-rowcount")) > 0);
    assert.match(await grid.getByRole("link").first().getAttribute("aria-label"), /penguin/i);
    assert.equal(await page.getByRole("searchbox", { name: "What to look for" }).count(), 1);
    assert.equal(await page.getByRole("main").count(), 1);
    assert.equal(await page.getByRole("complementary", { name: "Filters" }).count(), 1);
    await end();
  });

  test("screenshots at three sizes in both themes", async () => {
    await mkdir(SHOTS, { recursive: true });
    for (const size of Object.keys(SIZES)) {
      for (const theme of ["light", "dark"]) {
        const locale = size === "middle" ? "zh-CN" : "en-GB";
        const { page, end } = await visit(world, locale === "zh-CN" ? "/?q=鸟" : "/?q=a+bird", { size, theme, locale });
        await results(page);
        await painted(page);
        await page.screenshot({ path: join(SHOTS, `results-${size}-${theme}.png`) });
        await page.locator("a.shot").first().click();
        await page.waitForSelector("dialog .strip img");
        await painted(page);
        await page.screenshot({ path: join(SHOTS, `detail-${size}-${theme}.png`) });
        await end();
      }
    }
    console.log(`screenshots are in ${SHOTS}`);
  });
}
