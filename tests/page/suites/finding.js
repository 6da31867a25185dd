// Words, chips, facets, order, groups, the cut, deep links.
import assert from "node:assert/strict";
import { test } from "node:test";

import { chips, parameters, results, said, search, visit } from "../browse.js";

export function finding(world) {
  test("words find pictures in English and in Chinese", async () => {
    const { page, end } = await visit(world);
    await said(page, /\d+ pictures/);
    await search(page, "a penguin");
    assert.match((await results(page)).slice(0, 5).join("\n"), /penguin/i);
    assert.match(await said(page, /match/), /match/);
    await search(page, "鸭子");
    assert.match((await results(page)).slice(0, 5).join("\n"), /duck/i);
    assert.equal(parameters(page).get("q"), "鸭子");
    await end();
  });

  test("a tile says its date and how strong the match is, in words too", async () => {
    const { page, end } = await visit(world, "/?q=a+penguin");
    const [first] = await results(page);
    assert.match(first, /match (\d+|<1)%, (very likely|likely|possible|weak)/);
    if (first.includes("2023")) assert.match(await page.locator(".tile .when").first().textContent(), /2023-07-14/);
    await end();
  });

  test("each part of the query is a chip, and each can be taken away", async () => {
    const { page, end } = await visit(world, "/?q=a+bird+July+2023+-+water+not:owl&f=ext:png");
    await page.waitForSelector(".chip");
    assert.deepEqual(await chips(page), ["looks like “a bird”", "less “water”", "not “owl”", "File type: png", "Date: 2023-07"]);
    for (const [name, q] of [
      ["less “water”", 'a bird not:"owl" date:2023-07'],
      ["not “owl”", "a bird date:2023-07"],
      ["Date: 2023-07", "a bird"],
      ["File type: png", "a bird"],
      ["looks like “a bird”", ""],
    ]) {
      await page.getByRole("button", { name: `Remove ${name}` }).click();
      await page.waitForFunction(
        (gone) => ![...document.querySelectorAll(".chip-words")].some((one) => one.textContent === gone),
        name,
      );
      assert.equal(await page.inputValue("#q"), q);
    }
    assert.equal(page.url(), `${world.url}/`);
    await end();
  });

  test("a date that was taken for a filter can be kept as words", async () => {
    const { page, end } = await visit(world, "/?q=a+bird+July+2023");
    await page.getByRole("button", { name: "Keep “July 2023” as words" }).click();
    await page.waitForFunction(() => document.querySelectorAll(".chip").length === 1);
    assert.deepEqual(await chips(page), ["looks like “a bird July 2023”"]);
    await end();
  });

  test("words that say only that a picture is looked for are passed over, and the page says so", async () => {
    const { page, end } = await visit(world, "/?q=show+me+photos+of+a+bird");
    await page.waitForSelector(".chip");
    assert.deepEqual(await chips(page), ["looks like “a bird”"]);
    const note = await page.locator("#chips .note").textContent();
    assert.equal(note, "“show me photos of …” is passed over. In quotes it counts.");
    await end();
  });

  test("facets narrow down and widen again; the chip says so", async () => {
    const { page, end } = await visit(world);
    const folder = page.locator("#facet-tag button.value").first();
    const n = Number(await folder.locator(".count").textContent());
    await folder.click();
    await said(page, new RegExp(`^${n} pictures`));
    assert.equal(await folder.getAttribute("aria-pressed"), "true");
    assert.equal((await chips(page)).length, 1);
    await folder.click();
    await page.waitForFunction(() => !document.querySelector(".chip"));
    await page.getByRole("button", { name: "Red", exact: true }).click();
    await page.waitForSelector(".chip");
    assert.deepEqual(await chips(page), ["Colour: Red"]);
    await end();
  });

  test("the matches end at a line, what follows is weak, and everything can be shown", async () => {
    const { page, end } = await visit(world, "/?q=a+penguin");
    await said(page, /match/);
    const n = Number(/\d+/.exec(await page.textContent("#said"))[0]);
    await page.waitForSelector(".cut");
    const weak = await page.locator(".tile.is-weak").first().getAttribute("data-index");
    assert.equal(Number(weak), n);
    await page.evaluate(() => scrollTo(0, document.documentElement.scrollHeight));
    await page.getByRole("button", { name: "Show everything, best first" }).click();
    await said(page, /Everything is shown/);
    assert.equal(parameters(page).get("all"), "1");
    await page.getByRole("button", { name: "Only matches" }).click();
    await said(page, new RegExp(`^${n} match`));
    await end();
  });

  test("results are put in order and in groups", async () => {
    const { page, end } = await visit(world);
    await page.getByLabel("Order").selectOption("name");
    await page.waitForURL(/sort=name/);
    await page.getByLabel("Group").selectOption("folder");
    await said(page, /groups/);
    assert.ok((await page.locator(".stack").count()) > 0);
    await page.getByLabel("Group").selectOption("similar");
    await page.waitForURL(/group=similar/);
    await end();
  });

  test("a link shows the same to somebody else, and Back goes back", async () => {
    const first = await visit(world);
    await search(first.page, "an apple");
    await first.page.locator("a.shot").first().click();
    await first.page.waitForSelector("dialog.detail h2");
    const title = await first.page.textContent("dialog.detail h2");
    const { pathname, search: query } = new URL(first.page.url());
    await first.page.goBack();
    await first.page.waitForFunction(() => !document.querySelector("dialog"));
    assert.equal(await first.page.inputValue("#q"), "an apple");
    await first.page.goBack();
    await first.page.waitForFunction(() => document.querySelector("#q").value === "");
    await first.page.goForward();
    await first.page.waitForFunction(() => document.querySelector("#q").value === "an apple");
    await first.end();
    const second = await visit(world, pathname + query);
    await second.page.waitForSelector("dialog.detail h2");
    assert.equal(await second.page.textContent("dialog.detail h2"), title);
    await second.page.keyboard.press("Escape");
    await second.page.waitForFunction(() => !document.querySelector("dialog"));
    assert.equal(await second.page.inputValue("#q"), "an apple");
    await second.end();
  });
}
