// Checks a document against a JSON schema: the keywords that the schema of reports uses, and no others.

const KNOWN = new Set(
  (
    "$schema $ref $defs title description default format const type properties required additionalProperties " +
    "patternProperties items prefixItems minItems maxItems uniqueItems anyOf oneOf minimum pattern"
  ).split(" "),
);

/** What is wrong with `value` as `place: cause`, or null where nothing is. */
export function fault(value, schema, root = schema, place = "") {
  const unknown = Object.keys(schema).find((key) => !KNOWN.has(key));
  if (unknown !== undefined) return `${place || "the document"}: the schema uses ${unknown}, which is not checked`;
  if (schema.$ref !== undefined) {
    const found = fault(value, definition(schema.$ref, root), root, place);
    if (found !== null) return found;
  }
  const at = place || "the document";
  if (schema.const !== undefined && value !== schema.const) {
    return `${at}: is ${shown(value)}, not ${shown(schema.const)}`;
  }
  if (schema.type !== undefined && ![schema.type].flat().some((type) => isOf(type, value))) {
    return `${at}: is ${shown(value)}, not ${[schema.type].flat().join(" or ")}`;
  }
  if (schema.minimum !== undefined && value < schema.minimum) return `${at}: is ${value}, below ${schema.minimum}`;
  if (schema.pattern !== undefined && typeof value === "string" && !new RegExp(schema.pattern, "u").test(value)) {
    return `${at}: is ${shown(value)}, which does not match ${schema.pattern}`;
  }
  return (
    anyOfFault(value, schema.anyOf ?? schema.oneOf, root, place) ??
    (Array.isArray(value) ? listFault(value, schema, root, place) : null) ??
    (isOf("object", value) ? objectFault(value, schema, root, place) : null)
  );
}

function definition(reference, root) {
  return reference
    .split("/")
    .slice(1)
    .reduce((part, name) => part[name], root);
}

/** Null where one of the choices fits; the fault of the choice that the value comes closest to otherwise. */
function anyOfFault(value, choices, root, place) {
  if (choices === undefined) return null;
  const faults = choices.map((choice) => fault(value, choice, root, place));
  if (faults.includes(null)) return null;
  // The fault that lies deepest is of the choice that was meant.
  const depth = (found) => found.split(": ")[0].split(".").length;
  const isOther = (choice) => choice.type === "null" || choice.properties?.kind?.const !== value?.kind;
  const meant = faults.filter((_, at) => !isOther(choices[at]));
  return (meant.length > 0 ? meant : faults).reduce((best, found) => (depth(found) > depth(best) ? found : best));
}

function listFault(list, schema, root, place) {
  const at = place || "the document";
  if (schema.minItems !== undefined && list.length < schema.minItems) return `${at}: has only ${list.length} items`;
  if (schema.maxItems !== undefined && list.length > schema.maxItems) return `${at}: has ${list.length} items`;
  if (schema.uniqueItems && new Set(list.map((item) => JSON.stringify(item))).size < list.length) {
    return `${at}: repeats an item`;
  }
  for (const [index, item] of list.entries()) {
    const of = schema.prefixItems?.[index] ?? schema.items;
    const found = of === undefined ? null : fault(item, of, root, `${place}[${index}]`);
    if (found !== null) return found;
  }
  return null;
}

function objectFault(object, schema, root, place) {
  const inside = (name) => (place === "" ? name : `${place}.${name}`);
  const missing = (schema.required ?? []).find((name) => !(name in object));
  if (missing !== undefined) return `${inside(missing)}: is missing`;
  const patterns = Object.entries(schema.patternProperties ?? {});
  for (const [name, value] of Object.entries(object)) {
    const pattern = patterns.find(([form]) => new RegExp(form, "u").test(name));
    const own = Object.hasOwn(schema.properties ?? {}, name) ? schema.properties[name] : pattern?.[1];
    const of = own ?? schema.additionalProperties ?? {};
    if (of === false) return `${inside(name)}: is not part of the format`;
    const found = of === true ? null : fault(value, of, root, inside(name));
    if (found !== null) return found;
  }
  return null;
}

function isOf(type, value) {
  switch (type) {
    case "null":
      return value === null;
    case "array":
      return Array.isArray(value);
    case "object":
      return value !== null && typeof value === "object" && !Array.isArray(value);
    case "integer":
      return Number.isInteger(value);
    default:
      return typeof value === type;
  }
}

function shown(value) {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 40 ? `${text.slice(0, 37)}…` : text;
}
