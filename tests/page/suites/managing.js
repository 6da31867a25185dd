// Saved searches, copies, index runs, the first run.
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";

import { results, said, visit } from "../browse.js";

export function managing(world) {
  test("a search is saved, run again, and forgotten", async () => {
    const { page, end } = await visit(world, "/?q=a+bird&f=ext:png");
    await results(page);
    await page.getByRole("button", { name: "Save this search" }).click();
    await page.fill("#save-name", "my birds");
    await page.keyboard.press("Enter");
    const saved = page.locator("#saved button.value");
    await saved.filter({ hasText: "@my-birds" }).waitFor();
    await page.goto(`${world.url}/`);
    await saved.click();
    await page.waitForFunction(() => document.querySelector("#q").value === "a bird ext:png");
    await page.getByRole("button", { name: "Forget @my-birds" }).click();
    await saved.waitFor({ state: "detached" });
    await end();
  });

  test("a name that cannot be is refused in words", async () => {
    const { page, end } = await visit(world, "/?q=a+bird");
    await results(page);
    await page.getByRole("button", { name: "Save this search" }).click();
    await page.fill("#save-name", "a/b:c");
    await page.keyboard.press("Enter");
    await page.locator("#save-trouble").waitFor();
    assert.ok((await page.textContent("#save-trouble")).length > 10);
    await end();
  });

  test("copies and similar shots are told apart", async () => {
    const copies = {
      items: 3,
      similar: [{ shots: [{ item: "1", path: "/a/x.png", width: 2, height: 1, format: "png", bytes: 9, cosine: 1 }] }],
      same: [
        {
          spare_bytes: 1200,
          keep: { item: "1", path: "/a/x.png", width: 2, height: 1, format: "png", bytes: 9 },
          copies: [
            {
              item: "2",
              path: "/a/y.png",
              width: 2,
              height: 1,
              format: "png",
              bytes: 9,
              identical: false,
              shown: 0.9,
              marked: false,
              likeness: 0.999,
              worse_by: "pixels",
            },
          ],
        },
      ],
    };
    const before = (page) => page.route("**/api/v1/duplicates*", (route) => route.fulfill({ json: copies }));
    const { page, end } = await visit(world, "/", { before });
    await page.getByRole("button", { name: "Find copies" }).click();
    await page.getByText("1 group of copies; 1.2 kB beside the best of each").waitFor();
    assert.match(await page.textContent(".copies"), /best.*x\.png.*cropped to 90%, 99% alike/);
    await page.getByRole("heading", { name: "Similar shots" }).waitFor();
    await page.goBack();
    await results(page);
    await end();
  });

  test("the server itself tells copies", async (context) => {
    const { page, end } = await visit(world, "/?view=copies");
    await page.locator("#copies .lead, #copies .trouble").first().waitFor({ timeout: 60_000 });
    const words = await page.textContent("#copies");
    if (/cannot look for copies/.test(words)) context.diagnostic("this program has no route for copies");
    else assert.match(words, /beside the best of each|No picture is there twice/);
    await end();
  });

  test("the first run is led to an index, whose progress is shown", async () => {
    const { page, end } = await visit(world, "/", { base: world.emptyUrl });
    await page.getByRole("heading", { name: "Nothing is indexed yet" }).waitFor();
    assert.match(await page.textContent(".guide"), /fovea index/);
    await page.fill("#guide-path", "/nowhere/at/all");
    await page.getByRole("button", { name: "Index", exact: true }).click();
    await page
      .locator("#toast.is-on")
      .filter({ hasText: /allow-root/ })
      .waitFor();
    await page.fill("#guide-path", join(world.pictures, "food"));
    await page.getByRole("button", { name: "Index", exact: true }).click();
    await page.locator("#jobs progress").waitFor();
    await page.locator("#jobs").waitFor({ state: "hidden", timeout: 90_000 });
    await results(page);
    assert.equal(await page.locator(".guide").count(), 0);
    await end();
  });
}
