// Asks for a key where the server has some. The key is traded for a cookie at once and kept nowhere here.
import { onLocked, openSession } from "./client.js";
import { dialog, el } from "./dom.js";
import { t } from "./strings.js";

let asking = null;

// All requests that were refused wait for the one dialog.
export function wireSignIn(signedIn) {
  onLocked(() => {
    asking ??= new Promise(show).then(() => {
      asking = null;
      signedIn();
    });
    return asking;
  });
}

function show(done) {
  const key = el("input", {
    id: "key",
    name: "key",
    type: "password",
    required: true,
    autocomplete: "current-password",
    "aria-describedby": "key-trouble",
  });
  const trouble = el("p", { id: "key-trouble", className: "trouble", role: "alert", hidden: true });
  const form = el(
    "form",
    { method: "dialog" },
    el("h2", { id: "sign-in-title" }, t("signInTitle")),
    el("p", { className: "dim" }, t("signInLead")),
    el("label", { htmlFor: "key" }, t("key")),
    key,
    trouble,
    el("div", { className: "row-of" }, el("button", { type: "submit", className: "main" }, t("signIn"))),
  );
  const box = dialog({ className: "box sign-in", "aria-labelledby": "sign-in-title" }, form);
  let isIn = false;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    try {
      await openSession(key.value.trim());
      isIn = true;
      localStorage.setItem("fovea-signed-in", "1");
      box.close();
      done();
    } catch (error) {
      Object.assign(trouble, { hidden: false, textContent: error.status === 0 ? t("errorGone") : t("refused") });
      key.select();
    }
  });
  // Without a key there is nothing to see, so the dialog stays.
  box.addEventListener("cancel", (event) => event.preventDefault());
  box.addEventListener("close", () => isIn || show(done));
}
