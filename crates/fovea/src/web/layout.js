// Where each picture stands: rows of equal height that fill the width, pictures in their own proportions. Arithmetic only.

// Panoramas and strips are shown cut rather than unreadably thin.
const NARROWEST = 0.5;
const WIDEST = 3;

export const proportion = ({ width, height }) =>
  Math.min(WIDEST, Math.max(NARROWEST, width > 0 && height > 0 ? width / height : 1));

// One row of `items[from..to]` at the height at which it fills the width, never much above the one that was wished for.
function row(items, from, to, shape, isLast) {
  const shares = items.slice(from, to).map(proportion);
  const sum = shares.reduce((all, one) => all + one, 0);
  const room = shape.width - shape.gap * (to - from - 1);
  const height = Math.min(room / sum, shape.height * (isLast ? 1 : 1.5));
  const cells = [];
  let left = 0;
  for (const share of shares) {
    const width = share * height;
    cells.push({ left: Math.round(left), width: Math.round(left + width) - Math.round(left) });
    left += width + shape.gap;
  }
  return { kind: "tiles", from, to, height: Math.round(height), cells };
}

// A row ends where its height is nearest to the one that was wished for.
function rowEnd(items, from, shape) {
  let sum = 0;
  let before = Infinity;
  for (let at = from; at < items.length; at += 1) {
    sum += proportion(items[at]);
    const height = (shape.width - shape.gap * (at - from)) / sum;
    if (height <= shape.height) return before - shape.height < shape.height - height && at > from ? at : at + 1;
    before = height;
  }
  return items.length;
}

// Rows from top to bottom. `breaks` are lines across the list: `{ at, height, make }` stands before item `at`.
// `shape` is `{ width, height, gap, under }`, `under` being the room for the words below each picture. Rows that are `kept`
// stand as they did, and what is new comes after them.
export function layOut(items, breaks, shape, kept = []) {
  const rows = [...kept];
  const last = kept.at(-1);
  let top = last ? last.top + last.height + shape.gap : 0;
  let from = last?.to ?? 0;
  const put = (one, below) => {
    rows.push({ ...one, top });
    top += one.height + below;
  };
  for (const { at, height, make } of [...breaks, { at: items.length }]) {
    while (from < at) {
      const part = at === items.length ? items : items.slice(0, at);
      const to = rowEnd(part, from, shape);
      const one = row(items, from, to, shape, to === at);
      put({ ...one, height: one.height + shape.under }, shape.gap);
      from = to;
    }
    if (make) put({ kind: "line", height, make, from, to: from, cells: [] }, shape.gap);
  }
  return { rows, height: top };
}

// The first row that ends below `y`.
export function rowAt(rows, y) {
  let [low, high] = [0, rows.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (rows[middle].top + rows[middle].height < y) low = middle + 1;
    else high = middle;
  }
  return low;
}

// The row that holds an item.
export function rowOf(rows, item) {
  let [low, high] = [0, rows.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (rows[middle].to <= item) low = middle + 1;
    else high = middle;
  }
  return low;
}
