// The open picture, the keyboard, small screens, colours, languages.
import assert from "node:assert/strict";
import { test } from "node:test";

import { results, said, visit } from "../browse.js";

const isGone = (page) => page.waitForFunction(() => !document.querySelector("dialog"));

export function looking(world) {
  test("an open picture tells what is known, why it is there, and where it matches", async () => {
    const { page, end } = await visit(world, "/?q=a+penguin");
    await page.locator("a.shot").first().click();
    const about = page.locator("dialog .about");
    await about.getByRole("heading", { name: "Details" }).waitFor();
    assert.match(await about.textContent(), /Dimensions\d+ × \d+/);
    await about.getByRole("button", { name: "Why is it here?" }).click();
    await about.getByText("Place 1 of").waitFor();
    assert.match(await page.textContent("#why"), /a penguin/);
    await about.getByRole("button", { name: "Heat map" }).click();
    await page.waitForSelector(".holder .heat", { timeout: 60_000 });
    await about.getByRole("button", { name: "Heat map" }).click();
    assert.equal(await page.locator(".heat").count(), 0);
    await end();
  });

  test("everything is done by keys alone", async () => {
    const { page, end } = await visit(world);
    await said(page, /pictures/);
    await page.keyboard.press("/");
    await page.keyboard.type("a duck");
    await said(page, /match/);
    await page.keyboard.press("ArrowDown");
    const focused = () => page.evaluate(() => document.activeElement.closest("[data-index]")?.dataset.index ?? null);
    assert.equal(await focused(), "0");
    await page.keyboard.press("ArrowRight");
    assert.equal(await focused(), "1");
    await page.keyboard.press("ArrowDown");
    assert.ok(Number(await focused()) > 1);
    await page.keyboard.press("ArrowUp");
    await page.keyboard.press("Home");
    assert.equal(await focused(), "0");
    await page.keyboard.press("Enter");
    await page.waitForSelector("dialog.detail h2");
    const { href } = new URL(page.url());
    await page.keyboard.press("ArrowRight");
    await page.waitForFunction((before) => location.href !== before, href);
    await page.keyboard.press("w");
    await page.waitForFunction(() => document.querySelector("#why")?.textContent.includes("Place"));
    await page.keyboard.press("r");
    await page.keyboard.press("Escape");
    assert.equal(await page.locator(".drawing").count(), 0);
    await page.keyboard.press("Escape");
    await isGone(page);
    assert.equal(await focused(), "1");
    await page.keyboard.press("+");
    await page.waitForURL(/like=/);
    await page.keyboard.press("?");
    await page.waitForSelector("dialog.help");
    await page.keyboard.press("Escape");
    await isGone(page);
    await page.keyboard.press("s");
    await page.waitForSelector("#save-name");
    await page.keyboard.press("Escape");
    await end();
  });

  test("Tab goes through the page, and the grid is one stop of it", async () => {
    const { page, end } = await visit(world, "/?q=a+duck");
    await results(page);
    await page.focus("#choices button:last-child");
    await page.keyboard.press("Tab");
    assert.ok(await page.evaluate(() => document.activeElement.matches("a.shot")));
    assert.equal(await page.locator('#grid a.shot[tabindex="0"]').count(), 1);
    await page.keyboard.press("Tab");
    assert.ok(await page.evaluate(() => !document.activeElement.matches("a.shot")));
    await end();
  });

  test("colours follow the system and can be chosen for good", async () => {
    const { page, end } = await visit(world, "/", { theme: "dark" });
    const ground = () => page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
    assert.equal(await ground(), "rgb(19, 19, 22)");
    await page.getByRole("button", { name: "Colours: as the system" }).click();
    assert.equal(await ground(), "rgb(247, 247, 245)");
    await page.reload();
    assert.equal(await ground(), "rgb(247, 247, 245)");
    await page.getByRole("button", { name: "Colours: light" }).click();
    assert.equal(await ground(), "rgb(19, 19, 22)");
    await end();
  });

  test("the language is that of the browser and can be chosen for good", async () => {
    const { page, end } = await visit(world, "/", { locale: "zh-CN" });
    assert.match(await said(page, /张图片/), /张图片/);
    assert.equal(await page.getAttribute("html", "lang"), "zh-CN");
    await page.getByRole("button", { name: /English/ }).click();
    await said(page, /pictures/);
    await page.reload();
    await said(page, /pictures/);
    assert.equal(await page.getAttribute("html", "lang"), "en");
    await end();
  });

  test("on a small screen nothing sticks out, and the filters lie over the results", async () => {
    const { page, end } = await visit(world, "/?q=a+bird", { size: "small" });
    await results(page);
    const width = await page.evaluate(() => document.documentElement.scrollWidth);
    assert.ok(width <= 390, `${width} pixels wide`);
    assert.equal(await page.locator("#panel").isVisible(), false);
    await page.getByRole("button", { name: "Filters" }).click();
    await page.locator("#facets button.value").first().waitFor();
    await page.keyboard.press("Escape");
    await page.waitForFunction(() => !document.body.classList.contains("has-panel"));
    await page.locator("a.shot").first().click();
    await page.waitForSelector("dialog.detail h2");
    assert.ok((await page.evaluate(() => document.querySelector("dialog").scrollWidth)) <= 390);
    await end();
  });
}
