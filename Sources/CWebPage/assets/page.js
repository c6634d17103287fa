// The live page: listens to the service's events, draws, and sends what the operator changes.
import { drawPod, drawPool, drawTrend, holderColour, readPalette } from "/assets/charts.js";

const $ = id => document.getElementById(id);
const SPAN = 180;             // seconds in a chart
const CARDS_MAXIMUM = 12;     // above so many pods they are a table
let state = null;
let podsByKey = new Map();
const series = new Map();
let decisions = [];
let selected = null;
let token = sessionStorage.getItem("marlise-token") || "";
let dirty = false;
let sort = { column: "name", descending: false };
let spokenAt = 0, labelledAt = 0;
let isPending = false;

// ---- numbers

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const m = value => value == null ? "–" : whole.format(value) + "m";
const percent = value => value == null ? "–" : whole.format(value * 100) + " %";
const ms = seconds => seconds == null ? "–" : seconds < 0.01 ? (seconds * 1000).toFixed(1) + " ms" : whole.format(seconds * 1000) + " ms";
const keyOf = pod => pod.namespace ? pod.namespace + "/" + pod.name : pod.name;
const clock = time => new Date(time * 1000).toLocaleTimeString([], { hour12: false });

// ---- theme

function setTheme(theme) {
  if (theme) document.documentElement.dataset.theme = theme;
  readPalette();
  schedule();
}
$("theme").addEventListener("click", () => {
  const isDark = document.documentElement.dataset.theme
    ? document.documentElement.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  const next = isDark ? "light" : "dark";
  try { localStorage.setItem("marlise-theme", next); } catch { /* private windows have no storage */ }
  setTheme(next);
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => setTheme());

// ---- history

function emptySeries() { return { times: [], limit: [], usage: [], throttled: [], response: [] }; }

function remember(pod, time) {
  const key = keyOf(pod);
  let own = series.get(key);
  if (!own) series.set(key, own = emptySeries());
  if (own.times.length && time <= own.times[own.times.length - 1]) return;
  own.times.push(time);
  own.limit.push(pod.present ? pod.limit : null);
  own.usage.push(pod.present ? pod.usage : null);
  own.throttled.push(pod.present ? pod.throttled : null);
  own.response.push(pod.present ? pod.response_p95 : null);
  while (own.times[0] < time - SPAN) for (const list of Object.values(own)) list.shift();
}

async function loadHistory() {
  try {
    const answer = await fetch("/api/v1/history?seconds=" + SPAN, { headers: headers() });
    if (!answer.ok) return;
    const history = await answer.json();
    series.clear();
    for (const pod of history.pods) {
      series.set(pod.name, { times: [...history.times], limit: pod.limit, usage: pod.usage, throttled: pod.throttled, response: pod.response_p95 });
    }
    const list = await fetch("/api/v1/decisions?limit=40", { headers: headers() });
    if (list.ok) decisions = await list.json();
    schedule();
  } catch { /* the event stream tells when the service is away */ }
}

// ---- events

let source = null;
let lostAt = null;

function connect() {
  source = new EventSource("/api/v1/events");
  source.addEventListener("state", event => {
    const isNew = lostAt != null || state == null;
    lostAt = null;
    take(JSON.parse(event.data), true);
    if (isNew) loadHistory();
  });
  source.addEventListener("round", event => take(JSON.parse(event.data), false));
  source.onerror = () => {
    if (lostAt == null) lostAt = Date.now();
    banner();
    // A browser gives up on some failures; we do not.
    if (source.readyState === EventSource.CLOSED) { source.close(); setTimeout(connect, 2000); }
  };
}

function take(update, isWhole) {
  if (lostAt != null && !isWhole) lostAt = null;
  state = isWhole ? update : Object.assign({}, state, update, { pods: state ? state.pods : update.pods });
  if (isWhole) podsByKey = new Map();
  for (const pod of update.pods) {
    podsByKey.set(keyOf(pod), pod);
    remember(pod, update.time);
    const d = pod.decision;
    if (!isWhole && d && d.limit !== d.from) {
      decisions.unshift({ time: update.time, pod: keyOf(pod), limit_before: d.from, limit: d.limit, text: d.text, sent: d.sent });
    }
  }
  decisions.length = Math.min(decisions.length, 40);
  state.pods = [...podsByKey.values()];
  schedule();
}

// ---- drawing

function schedule() {
  if (isPending || !state) return;
  isPending = true;
  const later = document.hidden ? callback => setTimeout(callback, 500) : requestAnimationFrame;
  later(() => { isPending = false; draw(); });
}

function text(id, value) { const node = $(id); if (node.textContent !== value) node.textContent = value; }

function draw() {
  const pods = state.pods.filter(pod => pod.present);
  const cluster = state.cluster;
  text("facts", cluster.kind === "simulated" ? `simulated pods · agents: ${state.algorithm}`
    : `${cluster.server} · Kubernetes ${cluster.version || ""} · metrics from ${cluster.metrics} · agents: ${state.algorithm}`);
  pill("running", state.running ? "running" : "stopped", state.running ? "good" : "idle");
  pill("mode", state.mode === "apply" ? "applying" : "recommending", state.mode === "apply" ? "good" : "warn");
  $("mode").hidden = !state.running;
  $("leader").hidden = !state.election;
  if (state.election) pill("leader", state.election.is_leader ? "acting instance" : "standing by", state.election.is_leader ? "good" : "idle");
  text("pool-allocated", whole.format(state.pool.allocated));
  text("pool-capacity", whole.format(state.pool.capacity));
  text("figure-used", `${m(state.pool.used)} (${percent(state.pool.used / Math.max(state.pool.capacity, 1))})`);
  text("figure-pods", whole.format(pods.length));
  text("figure-resizes", whole.format(state.resizes.sent) + (state.resizes.refused ? `, ${state.resizes.refused} refused` : ""));
  text("figure-tick", ms(state.tick.last));
  text("figure-missed", whole.format(state.missed_rounds));
  drawHolders(pods);
  const asTable = state.pods.length > CARDS_MAXIMUM;
  $("cards").hidden = asTable;
  $("table-frame").hidden = !asTable;
  $("filter-label").hidden = !asTable;
  if (asTable) drawTable(); else drawCards();
  drawDecisions();
  fillControl();
  banner();
  speak(pods);
}

function pill(id, label, tone) {
  text(id, label);
  $(id).dataset.tone = tone;
}

function drawHolders(pods) {
  const sorted = [...pods].sort((a, b) => a.place - b.place);
  const holders = sorted.map(pod => ({ name: pod.name, limit: pod.limit, usage: pod.usage, colour: holderColour(pod.place) }));
  if (state.pool.reserved > 0) holders.push({ name: "held beside", limit: state.pool.reserved, usage: 0, colour: "#8896a3" });
  drawPool($("pool-bar"), holders, state.pool.capacity);
  const legend = $("pool-legend");
  const shown = [...holders].sort((a, b) => b.limit - a.limit).slice(0, 8);
  while (legend.children.length > shown.length + 1) legend.lastChild.remove();
  while (legend.children.length < shown.length + 1) {
    const entry = document.createElement("span");
    entry.append(document.createElement("i"), document.createElement("span"));
    legend.append(entry);
  }
  shown.forEach((holder, index) => {
    const entry = legend.children[index];
    entry.hidden = false;
    entry.firstChild.style.setProperty("background", holder.colour);
    entry.lastChild.textContent = `${holder.name} ${m(holder.limit)}`;
  });
  const rest = legend.children[shown.length];
  rest.firstChild.style.setProperty("background", "transparent");
  const others = holders.length - shown.length;
  rest.lastChild.textContent = others > 0 ? `and ${others} more` : `free ${m(Math.max(state.pool.capacity - state.pool.allocated - state.pool.reserved, 0))}`;
}

// Cards

const cards = new Map();

function makeCard() {
  const card = document.createElement("article");
  card.className = "card";
  const head = document.createElement("div");
  head.className = "card-head";
  const title = document.createElement("h3");
  const owner = document.createElement("span");
  owner.className = "owner";
  const edit = document.createElement("button");
  edit.type = "button";
  edit.className = "quiet small edit";
  edit.textContent = "Edit";
  head.append(title, owner, edit);
  const numbers = document.createElement("div");
  numbers.className = "numbers";
  const values = {};
  for (const [name, label] of [["limit", "limit"], ["usage", "used"], ["throttled", "throttled"], ["response", "response time"]]) {
    const box = document.createElement("div");
    box.className = name;
    values[name] = document.createElement("b");
    const caption = document.createElement("span");
    caption.textContent = label;
    box.append(values[name], caption);
    numbers.append(box);
  }
  const canvas = document.createElement("canvas");
  canvas.setAttribute("role", "img");
  canvas.style.setProperty("height", "170px");
  const why = document.createElement("p");
  why.className = "why";
  card.append(head, numbers, canvas, why);
  const entry = { card, title, owner, edit, values, canvas, why, key: "" };
  edit.addEventListener("click", () => select(entry.key));
  return entry;
}

function drawCards() {
  const box = $("cards");
  const wanted = [...state.pods].sort((a, b) => a.place - b.place);
  const keys = new Set(wanted.map(keyOf));
  for (const [key, entry] of cards) if (!keys.has(key)) { entry.card.remove(); cards.delete(key); }
  const isTime = Date.now() - labelledAt > 5000;
  if (isTime) labelledAt = Date.now();
  wanted.forEach((pod, index) => {
    const key = keyOf(pod);
    let entry = cards.get(key);
    if (!entry) { cards.set(key, entry = makeCard()); entry.key = key; }
    if (box.children[index] !== entry.card) box.insertBefore(entry.card, box.children[index] || null);
    const set = (node, value) => { if (node.textContent !== value) node.textContent = value; };
    set(entry.title, pod.name);
    set(entry.owner, [pod.namespace, pod.owner, pod.priority !== 1 ? "priority " + pod.priority : "", pod.mode === "recommend" ? "only advised" : ""].filter(Boolean).join(" · "));
    entry.edit.setAttribute("aria-label", "Edit " + pod.name);
    entry.card.classList.toggle("absent", !pod.present);
    set(entry.values.limit, m(pod.limit));
    set(entry.values.usage, m(pod.usage));
    set(entry.values.throttled, percent(pod.throttled));
    set(entry.values.response, ms(pod.response_p95));
    set(entry.why, pod.note || (pod.decision ? pod.decision.text : pod.present ? "" : "This pod is not there at present."));
    const own = series.get(key) || emptySeries();
    const past = own.times.length > 1 ? own.times[own.times.length - 1] - own.times[0] : 0;
    drawPod(entry.canvas, { ...own, span: past >= 90 ? `${Math.round(past / 60)} min ago` : `${Math.round(past)} s ago` }, 170);
    if (isTime || !entry.canvas.hasAttribute("aria-label")) {
      entry.canvas.setAttribute("aria-label", `${pod.name}: limit ${m(pod.limit)}, used ${m(pod.usage)}, throttled ${percent(pod.throttled)}, response time ${ms(pod.response_p95)}`);
    }
  });
}

// Table

const columns = [
  ["name", "Pod", pod => keyOf(pod)], ["limit", "Limit", pod => pod.limit], ["usage", "Used", pod => pod.usage],
  ["share", "Of limit", pod => pod.limit ? pod.usage / pod.limit : 0], ["throttled", "Throttled", pod => pod.throttled],
  ["response", "Response", pod => pod.response_p95 ?? -1], ["priority", "Priority", pod => pod.priority],
];
const rows = new Map();
const visible = new Set();
const watcher = new IntersectionObserver(entries => {
  for (const entry of entries) {
    if (entry.isIntersecting) visible.add(entry.target.dataset.key); else visible.delete(entry.target.dataset.key);
  }
  schedule();
}, { root: $("table-frame"), rootMargin: "120px" });

function makeHead() {
  const head = $("table-head");
  for (const [name, label] of columns) {
    const cell = document.createElement("th");
    cell.scope = "col";
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = label;
    button.addEventListener("click", () => {
      sort = { column: name, descending: sort.column === name ? !sort.descending : name !== "name" };
      drawTable(true);
    });
    cell.append(button);
    cell.dataset.column = name;
    head.append(cell);
  }
  for (const label of ["Last 3 min", "Decision"]) {
    const cell = document.createElement("th");
    cell.scope = "col";
    const button = document.createElement("button");
    button.type = "button";
    button.disabled = true;
    button.textContent = label;
    cell.append(button);
    head.append(cell);
  }
}
makeHead();

function makeRow(key) {
  const row = document.createElement("tr");
  row.dataset.key = key;
  const cells = {};
  for (const [name] of columns) {
    const cell = document.createElement("td");
    row.append(cell);
    cells[name] = cell;
  }
  const link = document.createElement("button");
  link.type = "button";
  link.className = "link";
  link.addEventListener("click", () => select(key));
  cells.name.append(link);
  cells.link = link;
  const trend = document.createElement("td");
  trend.className = "trend";
  const canvas = document.createElement("canvas");
  canvas.setAttribute("aria-hidden", "true");
  trend.append(canvas);
  const why = document.createElement("td");
  why.className = "why";
  row.append(trend, why);
  watcher.observe(row);
  return { row, cells, canvas, why };
}

let orderedAt = 0;
function drawTable(isForced) {
  const body = $("table-body");
  const filter = $("filter").value.trim().toLowerCase();
  const value = columns.find(column => column[0] === sort.column)[2];
  for (const cell of $("table-head").children) {
    if (cell.dataset.column) cell.setAttribute("aria-sort", cell.dataset.column !== sort.column ? "none" : sort.descending ? "descending" : "ascending");
  }
  // Rows that jump every second cannot be read: by numbers they are put in order every three.
  const now = performance.now();
  const isTime = isForced || now - orderedAt > 3000 || rows.size !== state.pods.length;
  if (isTime) {
    orderedAt = now;
    const wanted = state.pods.filter(pod => !filter || keyOf(pod).toLowerCase().includes(filter) || pod.owner.toLowerCase().includes(filter));
    wanted.sort((a, b) => {
      const x = value(a), y = value(b);
      const order = typeof x === "string" ? x.localeCompare(y, undefined, { numeric: true }) : x - y;
      return sort.descending ? -order : order;
    });
    const keys = new Set(wanted.map(keyOf));
    for (const [key, entry] of rows) if (!keys.has(key)) { watcher.unobserve(entry.row); visible.delete(key); entry.row.remove(); rows.delete(key); }
    wanted.forEach((pod, index) => {
      const key = keyOf(pod);
      let entry = rows.get(key);
      if (!entry) rows.set(key, entry = makeRow(key));
      if (body.children[index] !== entry.row) body.insertBefore(entry.row, body.children[index] || null);
    });
  }
  for (const key of visible) {
    const entry = rows.get(key), pod = podsByKey.get(key);
    if (!entry || !pod) continue;
    const set = (cell, text) => { if (cell.textContent !== text) cell.textContent = text; };
    set(entry.cells.link, key);
    entry.row.classList.toggle("absent", !pod.present);
    set(entry.cells.limit, m(pod.limit));
    set(entry.cells.usage, m(pod.usage));
    set(entry.cells.share, pod.limit ? percent(pod.usage / pod.limit) : "–");
    set(entry.cells.throttled, percent(pod.throttled));
    set(entry.cells.response, ms(pod.response_p95));
    set(entry.cells.priority, String(pod.priority));
    set(entry.why, pod.note || (pod.decision ? pod.decision.text : ""));
    entry.why.title = entry.why.textContent;
    drawTrend(entry.canvas, series.get(key) || emptySeries());
  }
}
$("filter").addEventListener("input", () => drawTable(true));

// Decisions, the banner, and what is spoken

let shownDecision = null;
function drawDecisions() {
  $("no-decisions").hidden = decisions.length > 0;
  const first = decisions.length ? decisions[0].time + decisions[0].pod : null;
  if (first === shownDecision) return;
  shownDecision = first;
  const list = $("decisions");
  list.replaceChildren(...decisions.slice(0, 40).map(decision => {
    const item = document.createElement("li");
    const name = document.createElement("b");
    name.textContent = decision.pod;
    const time = document.createElement("time");
    time.textContent = clock(decision.time);
    const why = document.createElement("p");
    why.textContent = decision.text;
    item.append(name, time, why);
    return item;
  }));
}

function banner() {
  const node = $("banner");
  const message = lostAt != null ? "The connection to the service is lost; trying again …" : state && state.notice ? state.notice : "";
  node.hidden = !message;
  if (node.textContent !== message) node.textContent = message;
}

function speak(pods) {
  if (Date.now() - spokenAt < 30000) return;
  spokenAt = Date.now();
  text("spoken", `${pods.length} pods, ${m(state.pool.allocated)} of ${m(state.pool.capacity)} held, ${m(state.pool.used)} used, ${state.running ? "running" : "stopped"}.`);
}

// ---- control

const form = $("control");

function fillControl() {
  const button = $("start-stop");
  const label = state.running ? "Stop" : "Start";
  if (button.textContent !== label) button.textContent = label;
  button.classList.toggle("stop", state.running);
  $("token-label").hidden = state.authorization !== "required";
  const select = form.elements.algorithm;
  if (select.options.length !== state.algorithms.length) {
    select.replaceChildren(...state.algorithms.map(name => new Option(name, name)));
  }
  if (dirty) return;
  form.elements.mode.value = state.mode;
  if (document.activeElement?.form === form && document.activeElement !== button) return;
  select.value = state.algorithm;
  form.elements.capacity.value = state.pool.capacity;
  form.elements.interval.value = state.interval;
  form.elements.minimum.value = state.bounds.minimum;
  form.elements.maximum.value = state.bounds.maximum;
}

function setDirty(value) {
  dirty = value;
  $("save").disabled = !value;
  $("revert").disabled = !value;
}

function headers(more) {
  return Object.assign(token ? { Authorization: "Bearer " + token } : {}, more);
}

async function send(path, body, answer, method = "PATCH") {
  answer.classList.remove("bad");
  answer.textContent = "…";
  try {
    const response = await fetch(path, {
      method, headers: headers(body ? { "Content-Type": "application/json" } : {}), body: body ? JSON.stringify(body) : undefined,
    });
    const result = await response.json().catch(() => ({}));
    if (!response.ok) throw new Error(result.error ? result.error.message : "the service answered " + response.status);
    answer.textContent = "Done.";
    setTimeout(() => { if (answer.textContent === "Done.") answer.textContent = ""; }, 3000);
    return true;
  } catch (error) {
    answer.classList.add("bad");
    answer.textContent = error.message;
    return false;
  }
}

function confirmApply() {
  if (state.cluster.kind === "simulated") return Promise.resolve(true);
  $("confirm-text").textContent = `The agents will change CPU limits of ${state.pods.filter(pod => pod.present).length} pods on ${state.cluster.server}, within a pool of ${m(state.pool.capacity)}. Stopping puts the original limits back.`;
  const dialog = $("confirm");
  dialog.returnValue = "no";
  dialog.showModal();
  return new Promise(resolve => dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true }));
}

$("start-stop").addEventListener("click", async () => {
  if (!state.running && state.mode === "apply" && !await confirmApply()) return;
  await send("/api/v1/settings", { running: !state.running }, $("answer"));
});

form.addEventListener("input", event => {
  if (event.target.name === "token") {
    token = event.target.value.trim();
    try { sessionStorage.setItem("marlise-token", token); } catch { /* kept for this page only */ }
    return;
  }
  setDirty(true);
});

$("revert").addEventListener("click", () => { setDirty(false); $("answer").textContent = ""; schedule(); });

form.addEventListener("submit", async event => {
  event.preventDefault();
  if (!form.reportValidity()) return;
  const wanted = {}, f = form.elements;
  if (f.mode.value !== state.mode) wanted.mode = f.mode.value;
  if (f.algorithm.value !== state.algorithm) wanted.algorithm = f.algorithm.value;
  for (const [name, current] of [["capacity", state.pool.capacity], ["interval", state.interval], ["minimum", state.bounds.minimum], ["maximum", state.bounds.maximum]]) {
    if (Number(f[name].value) !== current) wanted[name] = Number(f[name].value);
  }
  if (!Object.keys(wanted).length) { setDirty(false); return; }
  if (wanted.mode === "apply" && state.running && !await confirmApply()) return;
  if (await send("/api/v1/settings", wanted, $("answer"))) { setDirty(false); document.activeElement?.blur?.(); }
});

// One pod

function select(key) {
  const pod = podsByKey.get(key);
  if (!pod) return;
  selected = key;
  $("pod-panel").hidden = false;
  text("pod-title", "Pod " + key);
  const f = $("pod-form").elements;
  f.priority.value = pod.priority;
  f.mode.value = pod.mode;
  f.minimum.value = pod.minimum;
  f.maximum.value = pod.maximum;
  text("pod-answer", "");
  f.priority.focus();
}
$("pod-close").addEventListener("click", () => { $("pod-panel").hidden = true; selected = null; });
$("pod-form").addEventListener("submit", async event => {
  event.preventDefault();
  const pod = podsByKey.get(selected);
  if (!pod) return;
  const f = event.target.elements, wanted = {};
  if (Number(f.priority.value) !== pod.priority) wanted.priority = Number(f.priority.value);
  if (f.mode.value !== pod.mode) wanted.mode = f.mode.value;
  if (Number(f.minimum.value) !== pod.minimum) wanted.minimum = Number(f.minimum.value);
  if (Number(f.maximum.value) !== pod.maximum) wanted.maximum = Number(f.maximum.value);
  if (!Object.keys(wanted).length) { $("pod-panel").hidden = true; return; }
  await send("/api/v1/pods/" + selected.split("/").map(encodeURIComponent).join("/"), wanted, $("pod-answer"));
});

// ---- begin

try { setTheme(localStorage.getItem("marlise-theme") || undefined); } catch { setTheme(); }
form.elements.token.value = token;
new ResizeObserver(() => schedule()).observe(document.body);
connect();
