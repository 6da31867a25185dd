// Pictures that somebody drops, pastes or picks: handed in, then searched by.
import { ask as request } from "./client.js";
import { byId, toast } from "./dom.js";
import { ask, change, current } from "./state.js";
import { t } from "./strings.js";

// What was handed in since the page was opened, to be shown and to be handed in again.
const kept = new Map();

// The address of a picture that was handed in, while this page is open.
export const given = (picture) => kept.get(picture)?.source ?? null;

async function handIn(file) {
  const { picture } = await request("/pictures", { method: "POST", bytes: file });
  if (!kept.has(picture)) kept.set(picture, { file, source: URL.createObjectURL(file) });
  return picture;
}

export async function searchBy(file) {
  if (!file) return;
  if (file.type && !file.type.startsWith("image/")) return toast(t("notPicture"));
  toast(t("uploading"));
  try {
    const picture = await handIn(file);
    ask({ picture });
    toast("");
  } catch (error) {
    toast(error.detail || t("errorGone"));
  }
}

// The server forgets pictures after a while; this page may still have it.
export async function handInAgain() {
  const one = kept.get(current().picture);
  if (!one) return false;
  const picture = await handIn(one.file);
  if (picture !== current().picture) change({ picture }, { replace: true });
  return true;
}

const firstImage = (transfer) =>
  [...(transfer?.files ?? [])].find((file) => file.type.startsWith("image/")) ?? transfer?.files?.[0];
const hasFiles = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");

function wireDrop(onFiles) {
  let depth = 0;
  const veil = (isOn) => {
    byId("drop").hidden = !isOn;
  };
  addEventListener("dragenter", (event) => {
    if (!hasFiles(event)) return;
    depth += 1;
    veil(true);
  });
  addEventListener("dragleave", (event) => {
    if (hasFiles(event)) depth = Math.max(0, depth - 1);
    if (!depth) veil(false);
  });
  addEventListener("dragover", (event) => hasFiles(event) && event.preventDefault());
  addEventListener("drop", (event) => {
    depth = 0;
    veil(false);
    if (!hasFiles(event)) return;
    event.preventDefault();
    onFiles([...event.dataTransfer.files], firstImage(event.dataTransfer));
  });
}

// `onFiles` may take what is dropped for itself; otherwise it is searched by.
export function wirePictures(onFiles) {
  wireDrop((files, first) => onFiles(files) || searchBy(first));
  addEventListener("paste", (event) => {
    const file = firstImage(event.clipboardData);
    // Text goes where it belongs.
    if (!file) return;
    event.preventDefault();
    searchBy(file);
  });
  byId("pick").addEventListener("click", () => byId("file").click());
  byId("file").addEventListener("change", () => {
    searchBy(byId("file").files[0]);
    byId("file").value = "";
  });
}
