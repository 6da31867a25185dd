// What goes wrong is said in words, with a way on.
import assert from "node:assert/strict";
import { test } from "node:test";

import { results, search, visit } from "../browse.js";

const SEARCH = "**/api/v1/search*";
const problem = (status, detail) => ({
  status,
  contentType: "application/problem+json",
  body: JSON.stringify({ status, detail }),
});

export function trouble(world) {
  test("a server that is gone is said so, and asked again", async () => {
    const { page, end } = await visit(world, "/?q=a+duck", { before: (page) => page.route(SEARCH, (route) => route.abort()) });
    await page.getByRole("heading", { name: "The server does not answer" }).waitFor();
    await page.unroute(SEARCH);
    await page.getByRole("button", { name: "Try again" }).click();
    await results(page);
    assert.equal(await page.locator(".failure").count(), 0);
    await end();
  });

  test("what the server says of a failure is shown, and the results stay", async () => {
    const { page, end } = await visit(world, "/?q=a+duck");
    await results(page);
    await page.route(SEARCH, (route) => route.fulfill(problem(500, "the index of `image` is damaged")));
    await page.fill("#q", "a goose");
    await page.getByText("the index of `image` is damaged").waitFor();
    assert.ok((await results(page)).length > 0);
    await end();
  });

  test("a page of results that does not come is said at the end of the list, and asked for again", async () => {
    const next = (route) => (new URL(route.request().url()).searchParams.has("cursor") ? route.abort() : route.continue());
    const { page, end } = await visit(world, "/", { before: (page) => page.route(SEARCH, next) });
    await results(page);
    await page.evaluate(() => scrollTo(0, document.documentElement.scrollHeight));
    await page.locator("#more button").waitFor();
    await page.unroute(SEARCH);
    const before = await page.evaluate(() => document.documentElement.scrollHeight);
    await page.locator("#more button").click();
    await page.waitForFunction((height) => document.documentElement.scrollHeight > height + 500, before);
    await end();
  });

  test("a query that means nothing is said where it stands, and the results stay", async () => {
    const { page, end } = await visit(world, "/?q=a+duck");
    await results(page);
    await search(page, "a duck +");
    assert.match(await page.textContent("#trouble"), /nothing beside it.*at character 8/);
    assert.ok((await results(page)).length > 0);
    await search(page, "a duck + water");
    await page.locator("#trouble").waitFor({ state: "hidden" });
    await end();
  });

  test("a picture that the server has forgotten is said so", async () => {
    const { page, end } = await visit(world, `/?picture=${"0".repeat(64)}`);
    await page.getByText("The server has forgotten this picture").waitFor();
    await end();
  });

  test("where keys exist, one is asked for, traded for a session, and then all goes on", async () => {
    let isIn = false;
    const before = async (page) => {
      await page.route("**/api/v1/**", (route) => (isIn ? route.continue() : route.fulfill(problem(401, "a key is needed"))));
      await page.route("**/api/v1/session", (route) => {
        isIn = route.request().headers().authorization === "Bearer right";
        return isIn ? route.fulfill({ status: 204 }) : route.fulfill(problem(401, "this key opens nothing"));
      });
    };
    const { page, end } = await visit(world, "/?q=a+duck", { before });
    await page.fill("#key", "wrong");
    await page.keyboard.press("Enter");
    await page.getByText("The key was refused.").waitFor();
    await page.keyboard.press("Escape");
    await page.fill("#key", "right");
    await page.keyboard.press("Enter");
    await results(page);
    await page.getByRole("button", { name: "Sign out" }).waitFor();
    await end();
  });

  test("a real key opens a real server, pictures too, until one signs out", async (context) => {
    const route = await fetch(`${world.lockedUrl}/api/v1/session`, { method: "POST" });
    if (route.status === 404 || route.status === 405) return context.skip("this program has no sessions");
    const { page, end } = await visit(world, "/", { base: world.lockedUrl });
    await page.fill("#key", world.key);
    await page.keyboard.press("Enter");
    await results(page);
    await page.waitForSelector(".shot img.is-here");
    await page.reload();
    await results(page);
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.waitForSelector("#key");
    await end();
  });

  test("a server that knows no sessions refuses the key", async () => {
    const before = (page) =>
      page.route("**/api/v1/**", (route) =>
        route.fulfill(
          route.request().url().includes("/session")
            ? problem(404, "there is nothing at this address")
            : problem(401, "a key is needed"),
        ),
      );
    const { page, end } = await visit(world, "/", { before });
    await page.fill("#key", "any");
    await page.keyboard.press("Enter");
    await page.getByText("The key was refused.").waitFor();
    await end();
  });

  test("where nothing looks like what was asked, that is said; where filters let nothing through, too", async () => {
    const { page, end } = await visit(world, "/?q=a+duck&f=year:1999");
    await page.getByRole("heading", { name: "Nothing found" }).waitFor();
    await page.locator("#notice").getByRole("button", { name: "Clear everything" }).click();
    await results(page);
    await end();
  });
}
