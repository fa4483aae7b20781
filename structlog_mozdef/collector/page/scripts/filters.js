// What is selected. The query of the page's address has the same names as the API's, so that a
// reload, a bookmark or a second window shows the same.

export const LISTS = ["severity", "category", "source", "tag", "hostname"];
const FLAGS = ["differing"];
const NOT_STORED = ["dropped", "refused"];
const TEXTS = ["text", "since", "until"];

export class Filters {
  constructor(query = "") {
    const params = new URLSearchParams(query);
    for (const name of LISTS) this[name] = [...new Set(params.getAll(name))];
    for (const name of FLAGS) this[name] = params.get(name) === "true";
    this.status = [...new Set(params.getAll("status"))];
    for (const name of TEXTS) this[name] = params.get(name) ?? "";
  }

  /** Return the parameters of a request, with `extra` ones. */
  params(extra = {}) {
    const params = new URLSearchParams();
    for (const name of LISTS) for (const value of this[name]) params.append(name, value);
    for (const name of FLAGS) if (this[name]) params.set(name, "true");
    for (const value of this.status) params.append("status", value);
    for (const name of TEXTS) if (this[name]) params.set(name, this[name]);
    for (const [name, value] of Object.entries(extra)) params.set(name, value);
    return params;
  }

  /** Return a copy with some of them changed. */
  with(changes) {
    return Object.assign(new Filters(this.params().toString()), changes);
  }

  /** Return a copy in which one value of a list is switched on or off. */
  toggled(name, value) {
    const values = this[name].includes(value)
      ? this[name].filter((other) => other !== value)
      : [...this[name], value];
    return this.with({ [name]: values });
  }

  /** Whether only what is not stored is selected; the collector has two words for that. */
  get lost() {
    return this.status.some((value) => NOT_STORED.includes(value));
  }

  set lost(isWanted) {
    this.status = isWanted ? NOT_STORED : [];
  }

  /** Return what selects everything. */
  cleared() {
    return new Filters();
  }

  get empty() {
    return this.params().size === 0;
  }
}
