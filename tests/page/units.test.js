// What can be told without a browser: words in both languages, the address, the layout, queries as text.
import assert from "node:assert/strict";
import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";

import { WEB } from "./serve.js";

const load = (name) => import(join(WEB, name));

test("both languages say the same things with the same values", async () => {
  const { STRINGS } = await load("strings.js");
  assert.deepEqual(Object.keys(STRINGS.zh).sort(), Object.keys(STRINGS.en).sort());
  const values = (sentence) => [...new Set(sentence.match(/\{\w+\}/g) ?? [])].sort();
  for (const key of Object.keys(STRINGS.en)) assert.deepEqual(values(STRINGS.zh[key]), values(STRINGS.en[key]), key);
});

test("every word that is asked for is there", async () => {
  const { STRINGS } = await load("strings.js");
  for (const name of await readdir(WEB)) {
    if (!/\.(js|html)$/.test(name) || name.startsWith("api")) continue;
    const text = await readFile(join(WEB, name), "utf8");
    const asked = [...text.matchAll(/\bt\("(\w+)"|data-t(?:-\w+)?="(\w+)"/g)].map((one) => one[1] ?? one[2]);
    for (const key of asked) assert.ok(key in STRINGS.en, `${name} asks for ${key}`);
  }
});

test("the address is read back as it was written", async () => {
  const { read, write } = await load("state.js");
  const state = { ...read(""), q: "a + b & c#", filters: ["tag:bird", 'path:"my dir"'], like: ["1", "2"], all: true, open: "5" };
  assert.deepEqual(read(write(state)), state);
  assert.equal(write(read("")), "");
});

test("pictures are asked for beside words, with words, and without", async () => {
  const { line, hasTerms, filter, written } = await load("query.js");
  const state = (part) => ({ q: "", like: [], less: [], picture: "", ...part });
  for (const [part, expect] of [
    [{ q: "a bird" }, "a bird"],
    [{ q: "a bird", like: ["1"], less: ["2"] }, "a bird + #1 - 0.5:#2"],
    [{ like: ["1", "3"] }, "#1 + #3"],
    [{ q: "tag:bird", less: ["2"] }, "tag:bird not:#2"],
    [{ q: "tag:bird", like: ["2"] }, "tag:bird #2"],
    [{ picture: "x", less: ["2"] }, "not:#2"],
  ])
    assert.equal(line(state(part)), expect);
  assert.ok(hasTerms('"red car"') && hasTerms("一只鸟") && !hasTerms('path:"my" -tag:x | ext:png not:dog'));
  assert.equal(filter("path", 'my "dir"'), 'path:"my \\"dir\\""');
  const plan = {
    terms: [
      { weight: 1, term: "a" },
      { weight: -0.5, term: "b" },
    ],
    without: ["c d"],
    filters: ["tag:e"],
  };
  assert.equal(written(plan), 'a - 0.5:b not:"c d" tag:e');
});

test("rows fill the width, keep proportions, and hold each picture once", async () => {
  const { layOut, rowAt, rowOf } = await load("layout.js");
  const shape = { width: 1000, height: 200, gap: 10, under: 24 };
  const items = Array.from({ length: 10_000 }, (_, at) => ({ width: 100 + ((at * 37) % 300), height: 100 + ((at * 53) % 200) }));
  const began = performance.now();
  const { rows, height } = layOut(items, [{ at: 777, height: 80, make: () => null }], shape);
  console.log(`layout of 10,000 pictures: ${(performance.now() - began).toFixed(1)} ms`);
  const held = rows.flatMap(({ from, to }) => Array.from({ length: to - from }, (_, at) => from + at));
  assert.deepEqual(
    held,
    items.map((_, at) => at),
  );
  for (const row of rows.slice(0, -1)) {
    const last = row.cells.at(-1);
    if (row.kind === "tiles" && row.to !== 777) assert.ok(Math.abs(last.left + last.width - 1000) <= 2, JSON.stringify(row));
    assert.ok(row.top + row.height <= height);
  }
  assert.ok(rows.some(({ kind, from }) => kind === "line" && from === 777));
  for (const item of [0, 776, 777, 9_999]) assert.ok(rows[rowOf(rows, item)].from <= item && item < rows[rowOf(rows, item)].to);
  assert.equal(rows[rowAt(rows, rows[50].top + 1)], rows[50]);
});

test("nothing is put into the page as markup, styled in place, or loaded from elsewhere", async () => {
  for (const name of await readdir(WEB)) {
    if (!/\.(js|html|css|svg)$/.test(name)) continue;
    const text = (await readFile(join(WEB, name), "utf8")).replaceAll("http://www.w3.org/2000/svg", "");
    assert.doesNotMatch(text, /innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|https?:\/\/|\sstyle="/, name);
    if (name.endsWith(".css")) assert.doesNotMatch(text, /@import|url\(/, name);
  }
});
