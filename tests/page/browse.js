// Opens the page as a visitor would, and watches what no test may see: requests to others, errors, refusals of the policy.
import assert from "node:assert/strict";

import { fromTree } from "./serve.js";

export const SIZES = {
  small: { width: 390, height: 844 },
  middle: { width: 900, height: 1200 },
  large: { width: 1600, height: 1000 },
};

// A visit; `check` fails where something was loaded from elsewhere or went wrong in the page.
export async function visit({ browser, url }, path = "/", options = {}) {
  const { size = "large", theme = "light", locale = "en-GB", before, base = url } = options;
  const context = await browser.newContext({
    viewport: SIZES[size],
    colorScheme: theme,
    locale,
    hasTouch: size === "small",
    reducedMotion: "reduce",
  });
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  const wrong = [];
  page.on("request", (request) => {
    const to = request.url();
    if (!to.startsWith(base) && !/^(blob|data):/.test(to)) wrong.push(`a request elsewhere: ${to}`);
  });
  page.on("pageerror", (error) => wrong.push(error.stack));
  page.on("console", (message) => {
    if (/Content Security Policy|Refused to/i.test(message.text())) wrong.push(message.text());
  });
  await fromTree(page);
  if (before) await before(page);
  await page.goto(base + path);
  const end = async () => {
    await context.close();
    assert.deepEqual(wrong, []);
  };
  return { page, context, end };
}

// What the status line says, once it says something that fits.
export async function said(page, pattern) {
  await page.waitForFunction(
    ([source]) => new RegExp(source, "u").test(document.querySelector("#said").textContent),
    [pattern.source],
  );
  return page.locator("#said").textContent();
}

export async function results(page) {
  await page.waitForSelector("#grid .tile");
  return page.locator("#grid a.shot").evaluateAll((all) => all.map((one) => one.getAttribute("aria-label")));
}

// Types, and waits for the results of exactly that.
export async function search(page, words) {
  const answered = page.waitForResponse((response) => {
    const { pathname, searchParams } = new URL(response.url());
    return pathname.endsWith("/search") && searchParams.get("q") === words;
  });
  await page.fill("#q", words);
  await answered;
  await page.waitForFunction(() => !document.body.classList.contains("is-searching"));
}

export const chips = (page) => page.locator("#chips .chip-words").allTextContents();
export const parameters = (page) => new URL(page.url()).searchParams;
