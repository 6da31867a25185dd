// Shows the OpenAPI document of this server, route by route.
const METHODS = ["get", "post", "put", "delete"];

function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

const code = (text) => element("code", { textContent: text });
const kind = (schema = {}) => schema.$ref?.split("/").pop() ?? [schema.type].flat().join(" or ");

// A schema with those it names in their place, as deep as it goes without a circle.
function resolved(schema, api, seen = []) {
  const name = schema?.$ref?.split("/").pop();
  if (name) return seen.includes(name) ? name : resolved(api.components.schemas[name], api, [...seen, name]);
  if (Array.isArray(schema)) return schema.map((one) => resolved(one, api, seen));
  if (schema === null || typeof schema !== "object") return schema;
  return Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, resolved(value, api, seen)]));
}

function content(title, contents, api) {
  return Object.entries(contents ?? {}).map(([type, { schema }]) =>
    element("details", {}, element("summary", {}, title, " ", code(type)),
      element("pre", { textContent: JSON.stringify(resolved(schema, api), null, 2) ?? "" })));
}

function operation(path, method, one, api) {
  const role = one.security?.[0]?.key?.[0];
  const rows = (one.parameters ?? []).map((parameter) => element("tr", {},
    element("td", {}, code(parameter.name)), element("td", { textContent: parameter.in }),
    element("td", { textContent: kind(parameter.schema) }), element("td", { textContent: parameter.description ?? "" })));
  const answers = Object.entries(one.responses).map(([status, answer]) => element("div", {},
    element("p", {}, code(status), " ", answer.description), ...content("Answer", answer.content, api)));
  return element("details", { id: one.operationId },
    element("summary", {}, element("code", { className: "method", textContent: method.toUpperCase() }), code(path), " ",
      one.summary ?? "", element("span", { className: "needs", textContent: role ? `key: ${role}` : "" })),
    element("p", { textContent: one.description ?? "" }), element("table", {}, ...rows),
    ...content("Body", one.requestBody?.content, api), ...answers);
}

const api = await (await fetch("/api/v1/openapi.json")).json();
document.getElementById("about").textContent = api.info.description;
const groups = new Map();
for (const [path, methods] of Object.entries(api.paths)) {
  for (const method of METHODS.filter((method) => methods[method])) {
    const [tag] = methods[method].tags ?? [""];
    groups.set(tag, [...(groups.get(tag) ?? []), operation(path, method, methods[method], api)]);
  }
}
const sections = [...groups].map(([tag, operations]) => element("section", {}, element("h2", { textContent: tag }), ...operations));
document.getElementById("routes").append(...sections);
