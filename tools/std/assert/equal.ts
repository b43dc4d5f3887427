/** The typed arrays' common parent; the language gives it no name of its own. */
const TypedArray = Object.getPrototypeOf(Uint8Array);

/** Objects whose whole value is their text. */
const TEXT_VALUES: readonly (abstract new (...args: never[]) => object)[] = [RegExp, URL, URLSearchParams, Intl.Locale];

/**
 * Whether two values are deeply equal: same types, same own keys, same values. `NaN` equals `NaN`, `0` equals `-0`, a
 * missing key differs from one that holds `undefined`, cycles are followed once.
 *
 * @throws TypeError for WeakMap and WeakSet, whose contents cannot be read.
 */
export function equal(a: unknown, b: unknown): boolean {
  return compare(a, b, new Map());
}

function compare(a: unknown, b: unknown, seen: Map<object, unknown>): boolean {
  if (a === b || Object.is(a, b)) return true;
  if (!isObject(a) || !isObject(b) || typeof a === "function" || typeof b === "function") return false;
  if (!samePrototype(a, b)) return false;
  if (a instanceof Date && b instanceof Date) return Object.is(a.getTime(), b.getTime());
  if (a instanceof WeakMap || a instanceof WeakSet) throw new TypeError("cannot compare WeakMap or WeakSet");
  if (a instanceof WeakRef && b instanceof WeakRef) return compare(a.deref(), b.deref(), seen);
  if (TEXT_VALUES.some((type) => a instanceof type)) return String(a) === String(b);
  const bytesOfA = elements(a);
  const bytesOfB = elements(b);
  if (bytesOfA && bytesOfB) return sameElements(bytesOfA, bytesOfB);
  if (seen.get(a) === b) return true;
  seen.set(a, b);
  if (a instanceof Map && b instanceof Map) return sameMembers([...a], [...b], seen);
  if (a instanceof Set && b instanceof Set) return sameMembers([...a], [...b], seen);
  if (Object.keys(a).length !== Object.keys(b).length) return false;
  for (const key of new Set([...keys(a), ...keys(b)])) {
    if (!(key in a) || !(key in b)) return false;
    if (!compare(Reflect.get(a, key), Reflect.get(b, key), seen)) return false;
  }
  return true;
}

function isObject(value: unknown): value is object {
  return value !== null && (typeof value === "object" || typeof value === "function");
}

/** An object without a prototype counts as a plain one. */
function samePrototype(a: object, b: object): boolean {
  return (Object.getPrototypeOf(a) ?? Object.prototype) === (Object.getPrototypeOf(b) ?? Object.prototype);
}

function elements(value: object): ArrayLike<unknown> | undefined {
  if (value instanceof ArrayBuffer || value instanceof SharedArrayBuffer) return new Uint8Array(value);
  return value instanceof TypedArray ? (value as Uint8Array) : undefined;
}

function sameElements(a: ArrayLike<unknown>, b: ArrayLike<unknown>): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) {
    if (a[i] !== b[i] && !Object.is(a[i], b[i])) return false;
  }
  return true;
}

/** Whether each member of one has an equal in the other; order does not count. */
function sameMembers(a: unknown[], b: unknown[], seen: Map<object, unknown>): boolean {
  return a.length === b.length && a.every((member) => b.some((other) => compare(member, other, new Map(seen))));
}

/** Own enumerable keys; for instances of classes also the hidden ones and those of the classes (getters). */
function keys(value: object): (string | symbol)[] {
  const prototype = Object.getPrototypeOf(value);
  if (prototype === null || prototype === Object.prototype || prototype === Array.prototype) {
    return Reflect.ownKeys(value).filter((key) => Object.prototype.propertyIsEnumerable.call(value, key));
  }
  const found: (string | symbol)[] = [];
  for (let at: object | null = value; at && at !== Object.prototype; at = Object.getPrototypeOf(at)) {
    found.push(...Reflect.ownKeys(at));
  }
  return found;
}
