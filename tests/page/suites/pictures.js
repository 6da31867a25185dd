// Searching by pictures: dropped, pasted, picked, a region, more and less like one.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";

import { chips, parameters, results, said, search, visit } from "../browse.js";

const DUCK = "animals/birds/duck.png";

// Hands a file to the page as a drop or a paste does.
async function hand(page, kind, path) {
  const bytes = (await readFile(path)).toString("base64");
  await page.evaluate(
    ([kind, bytes]) => {
      const data = Uint8Array.from(atob(bytes), (one) => one.charCodeAt(0));
      const transfer = new DataTransfer();
      transfer.items.add(new File([data], "mine.png", { type: "image/png" }));
      const send = (name, event) =>
        document.body.dispatchEvent(event ?? new DragEvent(name, { dataTransfer: transfer, bubbles: true, cancelable: true }));
      if (kind === "paste")
        return send("paste", new ClipboardEvent("paste", { clipboardData: transfer, bubbles: true, cancelable: true }));
      for (const name of ["dragenter", "dragover", "drop"]) send(name);
    },
    [kind, bytes],
  );
  await page.waitForURL(/picture=/);
}

export function pictures(world) {
  for (const kind of ["drop", "paste"]) {
    test(`a picture is searched by on ${kind}`, async () => {
      const { page, end } = await visit(world);
      await said(page, /pictures/);
      await hand(page, kind, join(world.pictures, DUCK));
      await page.waitForFunction(() => document.querySelector(".chip-picture"));
      assert.match((await results(page))[0], /duck/i);
      assert.deepEqual(await chips(page), ["your picture"]);
      await search(page, "water");
      assert.deepEqual(await chips(page), ["looks like “water”", "your picture"]);
      await page.getByRole("button", { name: "Remove your picture" }).click();
      await page.waitForFunction(() => document.querySelectorAll(".chip").length === 1);
      await end();
    });
  }

  test("a picture is picked from the disk, and a part of it chosen", async () => {
    const { page, end } = await visit(world);
    await page.setInputFiles("#file", join(world.pictures, DUCK));
    await page.waitForFunction(() => document.querySelector(".chip-picture"));
    await page.getByRole("button", { name: "Search by a part of it" }).click();
    await page.keyboard.press("Shift+ArrowLeft");
    await page.keyboard.press("Enter");
    await page.waitForURL(/region=/);
    assert.equal(parameters(page).get("region"), "0.25,0.25,0.48,0.5");
    await page.waitForFunction(() => document.querySelector(".chip-words")?.textContent.includes("part"));
    await end();
  });

  test("a region is drawn over an open picture and searched by", async () => {
    const { page, end } = await visit(world, "/?q=a+duck");
    await page.locator("a.shot").first().click();
    await page.getByRole("button", { name: "Search by a region" }).click();
    const box = await page.locator(".drawing").boundingBox();
    const at = (x, y) => [box.x + x * box.width, box.y + y * box.height];
    await page.mouse.move(...at(0.2, 0.1));
    await page.mouse.down();
    await page.mouse.move(...at(0.5, 0.4), { steps: 4 });
    await page.mouse.up();
    await page.getByRole("button", { name: "Search by this part" }).click();
    await page.waitForURL(/region=/);
    const [x, y, w, h] = parameters(page).get("region").split(",").map(Number);
    for (const [is, expect] of [
      [x, 0.2],
      [y, 0.1],
      [w, 0.3],
      [h, 0.3],
    ])
      assert.ok(Math.abs(is - expect) < 0.03, `${is} ${expect}`);
    assert.equal(parameters(page).getAll("like").length, 1);
    await page.waitForFunction(() => document.querySelector(".chip-words")?.textContent === "like this · a part of it");
    await end();
  });

  test("more and less like a result are part of the query, and are noted", async () => {
    const { page, end } = await visit(world, "/?q=a+bird");
    await results(page);
    const noted = page.waitForRequest((request) => request.url().includes("/events") && request.postDataJSON().kind === "liked");
    await page.locator(".tile").first().hover();
    await page.locator(".tile .act").first().click();
    assert.equal((await noted).postDataJSON().query, "a bird");
    await page.waitForFunction(() => document.querySelectorAll(".chip").length === 2);
    await page.locator("a.shot").nth(2).focus();
    await page.keyboard.press("-");
    await page.waitForFunction(() => document.querySelectorAll(".chip").length === 3);
    assert.deepEqual(await chips(page), ["looks like “a bird”", "like this", "less like this"]);
    await page.getByRole("button", { name: "Remove less like this" }).click();
    await page.waitForFunction(() => document.querySelectorAll(".chip").length === 2);
    assert.equal(parameters(page).getAll("less").length, 0);
    await end();
  });

  test("pictures like an open one are shown and searched for", async () => {
    const { page, end } = await visit(world, "/?q=a+duck");
    await page.locator("a.shot").first().click();
    await page.waitForSelector(".strip img");
    assert.ok((await page.locator(".strip img").count()) > 3);
    await page.getByRole("button", { name: "See all" }).click();
    await page.waitForFunction(() => !document.querySelector("dialog"));
    await page.waitForFunction(() => document.querySelector(".chip-words")?.textContent === "like this");
    await end();
  });
}
