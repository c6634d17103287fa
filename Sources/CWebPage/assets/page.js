// The live page: listens to the service's events, draws, and sends what the operator changes.
import { crowdColour, drawPod, drawPool, drawPoolTrend, drawTrend, holderAt, holderColour, POD_HEIGHT, readPalette, sampleAt } from "/assets/charts.js";

const $ = id => document.getElementById(id);
const SPAN = 180;             // seconds in a chart
const CARDS_MAXIMUM = 12;     // above so many pods they are a table
const ROWS_MAXIMUM = 500;     // above so many rows the filter must help
let state = null;
let podsByKey = new Map();
const series = new Map();
const pool = { times: [], used: [], held: [], capacity: [] };
let decisions = [];
let selected = null;
let selectedFrom = null;
let token = sessionStorage.getItem("marlise-token") || "";
let dirty = false;
let sort = { column: "name", descending: false };
let spokenAt = 0, labelledAt = 0;
let isPending = false;

// ---- numbers

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const m = value => value == null ? "–" : whole.format(value) + "m";
const percent = value => value == null ? "–" : whole.format(value * 100) + " %";
const ms = seconds => seconds == null ? "–" : seconds < 0.01 ? (seconds * 1000).toFixed(1) + " ms" : seconds < 10 ? whole.format(seconds * 1000) + " ms" : seconds.toFixed(1) + " s";
const keyOf = pod => pod.namespace ? pod.namespace + "/" + pod.name : pod.name;
const clock = time => new Date(time * 1000).toLocaleTimeString([], { hour12: false });
const ago = seconds => seconds >= 90 ? `${Math.round(seconds / 60)} min ago` : `${Math.round(seconds)} s ago`;
const spanOf = times => times.length > 1 ? ago(times[times.length - 1] - times[0]) : "";

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

function cut(lists, time) {
  let old = 0;
  while (old < lists.times.length && lists.times[old] < time - SPAN) old++;
  if (old) for (const list of Object.values(lists)) list.splice(0, old);
}

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
  cut(own, time);
}

function rememberPool(update) {
  if (pool.times.length && update.time <= pool.times[pool.times.length - 1]) return;
  pool.times.push(update.time);
  pool.used.push(update.pool.used);
  pool.held.push(heldBy(podsByKey.values()));
  pool.capacity.push(update.pool.capacity);
  cut(pool, update.time);
}

const heldBy = pods => { let sum = 0; for (const pod of pods) if (pod.present) sum += pod.limit; return sum; };

async function loadHistory() {
  try {
    const answer = await fetch("/api/v1/history?seconds=" + SPAN, { headers: headers() });
    if (!answer.ok) return;
    const history = await answer.json();
    series.clear();
    for (const pod of history.pods) {
      series.set(keyOf(pod), { times: [...history.times], limit: pod.limit, usage: pod.usage, throttled: pod.throttled, response: pod.response_p95 });
    }
    if (history.pods.length) {
      pool.times = [...history.times];
      pool.capacity = history.capacity;
      const sum = name => history.times.map((_, i) => history.pods.reduce((sum, pod) => pod[name][i] == null ? sum : (sum ?? 0) + pod[name][i], null));
      pool.used = sum("usage");
      pool.held = sum("limit");
    }
    const list = await fetch("/api/v1/decisions?limit=60", { headers: headers() });
    if (list.ok) decisions = (await list.json()).map(d => ({ ...d, from: d.limit_before, pod: keyOf({ namespace: d.namespace, name: d.pod }) }));
    schedule();
  } catch { /* the event stream tells when the service is away */ }
}

// ---- events

let lostAt = null;
let isLockedOut = false;
let retry = null;             // wakes who waits for the next attempt

const pause = milliseconds => new Promise(resolve => { const timer = setTimeout(resolve, milliseconds); retry = () => { clearTimeout(timer); resolve(); }; });

// fetch, not EventSource: only this can carry the token that a service may demand for reading, too.
async function follow() {
  for (;;) {
    const stop = new AbortController();
    let watchdog = 0;
    const heard = () => {
      clearTimeout(watchdog);
      // The service says something every ten seconds.
      watchdog = setTimeout(() => stop.abort(), 25_000);
    };
    try {
      heard();
      const answer = await fetch("/api/v1/events", { headers: headers(), signal: stop.signal, cache: "no-store" });
      isLockedOut = answer.status === 401;
      if (!answer.ok) throw new Error(String(answer.status));
      const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      let rest = "";
      for (;;) {
        const { value, done } = await reader.read();
        if (done) break;
        heard();
        rest += value;
        const events = rest.split("\n\n");
        rest = events.pop();
        for (const event of events) handle(event);
      }
    } catch { /* said below, and tried again */ }
    clearTimeout(watchdog);
    stop.abort();
    if (lostAt == null) lostAt = Date.now();
    $("token-label").hidden = !isLockedOut && state?.authorization !== "required";
    banner();
    await pause(isLockedOut ? 3600e3 : document.hidden ? 5000 : 1000);
  }
}

function handle(event) {
  const name = /^event: (.*)$/m.exec(event), data = /^data: (.*)$/m.exec(event);
  if (!name || !data) return;
  const isWhole = name[1] === "state";
  const isNew = isWhole && (lostAt != null || state == null);
  lostAt = null;
  take(JSON.parse(data[1]), isWhole);
  if (isNew) loadHistory();
}

function take(update, isWhole) {
  state = isWhole ? update : Object.assign({}, state, update);
  // Of very many pods a round tells only those whose limits moved.
  if (update.complete) podsByKey = new Map();
  const fresh = [];
  for (const pod of update.pods) {
    podsByKey.set(keyOf(pod), pod);
    remember(pod, update.time);
    const d = pod.decision;
    if (!isWhole && d && d.limit !== d.from) {
      fresh.push({ time: update.time, pod: keyOf(pod), from: d.from, limit: d.limit, wish: d.wish, text: d.text, reasons: d.reasons, sent: d.sent });
    }
  }
  if (fresh.length) decisions = [...fresh.slice(0, 60), ...decisions].slice(0, 60);
  state.pods = [...podsByKey.values()];
  for (const key of series.keys()) if (!podsByKey.has(key)) series.delete(key);
  rememberPool(update);
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
function set(node, value) { if (node.textContent !== value) node.textContent = value; }

// Pods of one owner differ at the end of their names: a name without room loses its middle.
function setName(node, name) {
  if (node.title === name) return;
  node.title = name;
  node.classList.add("name");
  const cut = name.length > 18 ? name.length - 9 : name.length;
  const head = document.createElement("span"), tail = document.createElement("span");
  head.textContent = name.slice(0, cut);
  tail.textContent = name.slice(cut);
  node.replaceChildren(head, tail);
}

function draw() {
  const pods = state.pods.filter(pod => pod.present);
  const cluster = state.cluster;
  text("facts", cluster.kind === "simulated" ? `simulated pods · agents: ${state.algorithm}`
    : `${cluster.server} · Kubernetes ${cluster.version || ""} · metrics from ${cluster.metrics} · agents: ${state.algorithm}`);
  pill("running", state.running ? "running" : "stopped", state.running ? "good" : "idle");
  pill("mode", state.mode === "apply" ? "applying" : "recommending", state.mode === "apply" ? "good" : "warn");
  $("mode").hidden = !state.running;
  $("leader").hidden = !state.election;
  if (state.election) {
    const { is_leader: isLeader, leader, lease } = state.election;
    pill("leader", isLeader ? "this instance acts" : leader ? `${leader} acts` : "nobody acts yet", isLeader ? "good" : "idle");
    $("leader").title = `the lease is ${lease}; this is ${state.election.identity}`;
  }
  text("pool-held", whole.format(heldBy(pods)));
  text("pool-capacity", whole.format(state.pool.capacity));
  text("figure-used", `${m(state.pool.used)} (${percent(state.pool.used / Math.max(state.pool.capacity, 1))})`);
  text("figure-pods", whole.format(pods.length));
  text("figure-resizes", whole.format(state.resizes.sent) + (state.resizes.refused ? `, ${whole.format(state.resizes.refused)} refused` : ""));
  text("figure-tick", ms(state.tick.last));
  text("figure-missed", whole.format(state.missed_rounds));
  drawHolders(pods);
  const asTable = state.pods.length > CARDS_MAXIMUM;
  $("columns").classList.toggle("many", asTable);
  $("cards").hidden = asTable;
  $("table-frame").hidden = !asTable;
  $("filter-label").hidden = !asTable;
  $("nobody").hidden = state.pods.length > 0;
  text("nobody", state.round === 0 ? "The first round has not come yet." : "No pod matches at present. As soon as one does, it has an agent and shows here.");
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

// The pool

let holders = [];

function drawHolders(pods) {
  const isCrowd = pods.length > CARDS_MAXIMUM;
  const sorted = [...pods].sort((a, b) => isCrowd ? b.limit - a.limit : a.place - b.place);
  holders = sorted.map((pod, index) => ({ key: keyOf(pod), name: pod.name, limit: pod.limit, usage: pod.usage, colour: isCrowd ? crowdColour(index) : holderColour(pod.place) }));
  if (state.pool.reserved > 0) holders.push({ name: "held beside", limit: state.pool.reserved, usage: 0, colour: "#8896a3" });
  drawPool($("pool-bar"), holders, state.pool.capacity);
  drawPast(isCrowd);
  const legend = $("pool-legend");
  const shown = isCrowd ? holders.slice(0, 6) : holders;
  const free = state.pool.capacity - holders.reduce((sum, holder) => sum + holder.limit, 0);
  const entries = shown.map(holder => [holder.colour, holder.name, m(holder.limit)]);
  if (holders.length > shown.length) entries.push(["transparent", `and ${whole.format(holders.length - shown.length)} more`, ""]);
  entries.push(["var(--free)", "free", m(Math.max(free, 0))]);
  while (legend.children.length > entries.length) legend.lastChild.remove();
  while (legend.children.length < entries.length) {
    const entry = document.createElement("span"), name = document.createElement("span");
    entry.append(document.createElement("i"), name, document.createElement("b"));
    legend.append(entry);
  }
  entries.forEach(([colour, name, value], index) => {
    const [box, label, number] = legend.children[index].children;
    box.hidden = colour === "transparent";
    box.style.setProperty("background", colour);
    setName(label, name);
    set(number, value);
  });
}

function drawPast(isCrowd) {
  const n = pool.times.length;
  let layers = [{ values: pool.held, colour: crowdColour(0) }];
  if (!isCrowd) {
    layers = holders.filter(holder => holder.key).map(holder => {
      const own = series.get(holder.key) || emptySeries();
      // A pod's own history ends with the pool's; it may begin later.
      return { colour: holder.colour, values: Array.from({ length: n }, (_, i) => own.limit[own.limit.length - n + i] ?? null) };
    });
  }
  drawPoolTrend($("pool-trend"), layers, pool.used, pool.capacity, spanOf(pool.times));
}

$("pool-bar").addEventListener("pointermove", event => {
  const holder = holderAt(event.target, event.offsetX, holders, state ? state.pool.capacity : 0);
  event.target.title = holder ? `${holder.key || holder.name}: limit ${m(holder.limit)}, used ${m(holder.usage)}` : "free";
});

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
  head.append(title, edit, owner);
  const numbers = document.createElement("div");
  numbers.className = "numbers";
  const values = {}, captions = {};
  for (const [name, label] of [["limit", "limit"], ["usage", "used"], ["throttled", "throttled"], ["response", "P95 response"]]) {
    const box = document.createElement("div");
    box.className = name;
    values[name] = document.createElement("b");
    captions[name] = document.createElement("span");
    captions[name].textContent = label;
    box.append(values[name], captions[name]);
    numbers.append(box);
  }
  const canvas = document.createElement("canvas");
  canvas.setAttribute("role", "img");
  const why = document.createElement("p");
  why.className = "why";
  card.append(head, numbers, canvas, why);
  const entry = { card, title, owner, edit, values, canvas, why, key: "", pointer: null };
  edit.addEventListener("click", () => select(entry.key, edit));
  canvas.addEventListener("pointermove", event => { entry.pointer = event.offsetX; schedule(); });
  canvas.addEventListener("pointerleave", () => { entry.pointer = null; schedule(); });
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
    setName(entry.title, pod.name);
    set(entry.owner, [pod.namespace, pod.owner, pod.priority !== 1 ? "priority " + pod.priority : "", pod.mode === "recommend" ? "only advised" : ""].filter(Boolean).join(" · "));
    entry.edit.setAttribute("aria-label", "Edit " + pod.name);
    entry.card.classList.toggle("absent", !pod.present);
    const own = series.get(key) || emptySeries();
    const mark = entry.pointer != null && own.times.length ? sampleAt(entry.canvas, entry.pointer, own.times.length) : null;
    const at = name => mark == null ? pod[name] : own[name === "response_p95" ? "response" : name][mark];
    set(entry.values.limit, m(at("limit")));
    set(entry.values.usage, m(at("usage")));
    set(entry.values.throttled, percent(at("throttled")));
    set(entry.values.response, ms(at("response_p95")));
    set(entry.why, mark != null ? `At ${clock(own.times[mark])}, ${ago(own.times[own.times.length - 1] - own.times[mark])}.`
      : pod.note || (pod.decision ? pod.decision.text : pod.present ? "" : "This pod is not there at present."));
    const height = (own.response.some(v => v != null) ? POD_HEIGHT.whole : POD_HEIGHT.plain) + "px";
    if (entry.canvas.style.height !== height) entry.canvas.style.setProperty("height", height);
    drawPod(entry.canvas, { ...own, mark, span: spanOf(own.times) });
    if (isTime || !entry.canvas.hasAttribute("aria-label")) {
      entry.canvas.setAttribute("aria-label", `${pod.name}: limit ${m(pod.limit)}, used ${m(pod.usage)}, throttled ${percent(pod.throttled)}, response time ${ms(pod.response_p95)}`);
    }
  });
}

// Table

const columns = [
  ["name", "Pod", pod => keyOf(pod)], ["limit", "Limit", pod => pod.limit], ["usage", "Used", pod => pod.usage],
  ["share", "Of limit", pod => pod.limit ? pod.usage / pod.limit : 0], ["throttled", "Throttled", pod => pod.throttled],
  ["response", "P95", pod => pod.response_p95 ?? -1], ["priority", "Priority", pod => pod.priority],
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
    if (name === "name") cell.className = "text";
    cell.append(button);
    cell.dataset.column = name;
    head.append(cell);
  }
  for (const label of ["Last minutes", "Decision"]) {
    const cell = document.createElement("th");
    cell.scope = "col";
    cell.className = "text";
    const span = document.createElement("span");
    span.textContent = label;
    cell.append(span);
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
  cells.name.className = "pod text";
  const link = document.createElement("button");
  link.type = "button";
  link.className = "link";
  link.addEventListener("click", () => select(key, link));
  cells.name.append(link);
  cells.link = link;
  const meter = document.createElement("span");
  meter.className = "meter";
  const level = document.createElement("i");
  meter.append(level);
  const share = document.createElement("span");
  cells.share.append(meter, share);
  const trend = document.createElement("td");
  trend.className = "trend";
  const canvas = document.createElement("canvas");
  canvas.setAttribute("aria-hidden", "true");
  trend.append(canvas);
  const why = document.createElement("td");
  why.className = "text why";
  row.append(trend, why);
  watcher.observe(row);
  return { row, cells, canvas, why, level, share };
}

const words = { pool: "pool is short", minimum: "smallest", maximum: "largest", step: "step", deadband: "too little", stale: "old metrics", unsettled: "not settled", restore: "led back", budget: "write budget", quiet: "pause", recommend: "advised", standby: "stands by" };

// The table has no room for sentences: what changes, what was wished, what was in the way.
function brief(pod) {
  const d = pod.decision;
  if (!d) return "";
  if (d.wish == null) return d.reasons.map(name => words[name] || name).join(", ") || "no wish";
  const move = d.limit !== d.from ? `${d.from} → ${d.limit}m` : d.wish === d.from ? "keeps" : "stays";
  const wish = d.wish !== d.limit ? `, wished ${d.wish}m` : "";
  const why = d.reasons.map(name => words[name] || name).join(", ");
  return move + wish + (why ? ` (${why})` : "");
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
  const isTime = isForced || now - orderedAt > 3000 || (rows.size !== state.pods.length && rows.size < ROWS_MAXIMUM);
  if (isTime) {
    orderedAt = now;
    const all = state.pods.filter(pod => !filter || keyOf(pod).toLowerCase().includes(filter) || pod.owner.toLowerCase().includes(filter));
    all.sort((a, b) => {
      const x = value(a), y = value(b);
      const order = typeof x === "string" ? x.localeCompare(y, undefined, { numeric: true }) : x - y;
      return sort.descending ? -order : order;
    });
    const wanted = all.slice(0, ROWS_MAXIMUM);
    const keys = new Set(wanted.map(keyOf));
    for (const [key, entry] of rows) if (!keys.has(key)) { watcher.unobserve(entry.row); visible.delete(key); entry.row.remove(); rows.delete(key); }
    wanted.forEach((pod, index) => {
      const key = keyOf(pod);
      let entry = rows.get(key);
      if (!entry) rows.set(key, entry = makeRow(key));
      if (body.children[index] !== entry.row) body.insertBefore(entry.row, body.children[index] || null);
    });
    $("table-more").hidden = all.length > 0 && all.length === wanted.length;
    text("table-more", all.length === 0 ? "No pod has this in its name or its owner’s." : `The first ${whole.format(wanted.length)} of ${whole.format(all.length)} pods in this order; the filter finds the others.`);
  }
  for (const key of visible) {
    const entry = rows.get(key), pod = podsByKey.get(key);
    if (!entry || !pod) continue;
    const share = pod.limit ? pod.usage / pod.limit : 0;
    setName(entry.cells.link, key);
    entry.row.classList.toggle("absent", !pod.present);
    set(entry.cells.limit, m(pod.limit));
    set(entry.cells.usage, m(pod.usage));
    set(entry.share, pod.limit ? percent(share) : "–");
    entry.level.style.setProperty("transform", `scaleX(${Math.min(share, 1)})`);
    entry.cells.share.classList.toggle("hot", share > 0.95);
    set(entry.cells.throttled, percent(pod.throttled));
    entry.cells.throttled.classList.toggle("hot", pod.throttled >= 0.25);
    set(entry.cells.response, ms(pod.response_p95));
    set(entry.cells.priority, String(pod.priority));
    set(entry.why, pod.note || brief(pod));
    entry.why.title = pod.note || (pod.decision ? pod.decision.text : "");
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
  $("decisions").replaceChildren(...decisions.map(decision => {
    const item = document.createElement("li");
    const name = document.createElement("b");
    setName(name, decision.pod);
    const time = document.createElement("time");
    time.textContent = clock(decision.time);
    const move = document.createElement("span");
    move.className = "move";
    move.dataset.way = decision.limit > decision.from ? "up" : "down";
    move.textContent = `${decision.from} → ${decision.limit}m`;
    const why = document.createElement("p");
    // The numbers stand beside it already.
    const sentence = decision.text.replace(/^\d+m → \d+m, /, "");
    why.textContent = sentence.charAt(0).toUpperCase() + sentence.slice(1);
    item.append(time, name, move, why);
    return item;
  }));
}

function banner() {
  const node = $("banner");
  const message = isLockedOut ? "This service demands its token before it shows anything: type it under Control."
    : lostAt != null ? "The connection to the service is lost; trying again …" : state && state.notice ? state.notice : "";
  node.hidden = !message;
  if (node.textContent !== message) node.textContent = message;
}

function speak(pods) {
  if (Date.now() - spokenAt < 30000) return;
  spokenAt = Date.now();
  text("spoken", `${pods.length} pods, limits of ${m(heldBy(pods))} in a pool of ${m(state.pool.capacity)}, ${m(state.pool.used)} used, ${state.running ? "running" : "stopped"}.`);
}

// ---- control

const form = $("control");

function fillControl() {
  const button = $("start-stop");
  set(button, state.running ? "Stop" : "Start");
  button.disabled = false;
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
  if (!state) return;
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
form.elements.token.addEventListener("change", () => { if (isLockedOut && retry) retry(); });

$("revert").addEventListener("click", () => { setDirty(false); $("answer").textContent = ""; schedule(); });

form.addEventListener("submit", async event => {
  event.preventDefault();
  if (!state) { if (retry) retry(); return; }
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

function select(key, from) {
  const pod = podsByKey.get(key);
  if (!pod) return;
  selected = key;
  selectedFrom = from;
  $("pod-panel").hidden = false;
  text("pod-title", key);
  const f = $("pod-form").elements;
  f.priority.value = pod.priority;
  f.mode.value = pod.mode;
  f.minimum.value = pod.minimum;
  f.maximum.value = pod.maximum;
  text("pod-answer", "");
  $("pod-panel").scrollIntoView({ block: "nearest" });
  f.priority.focus({ preventScroll: true });
}

function closePod() {
  $("pod-panel").hidden = true;
  selected = null;
  if (selectedFrom?.isConnected) selectedFrom.focus();
}
$("pod-close").addEventListener("click", closePod);
$("pod-panel").addEventListener("keydown", event => { if (event.key === "Escape") closePod(); });
$("pod-form").addEventListener("submit", async event => {
  event.preventDefault();
  const pod = podsByKey.get(selected);
  if (!pod) return;
  const f = event.target.elements, wanted = {};
  if (Number(f.priority.value) !== pod.priority) wanted.priority = Number(f.priority.value);
  if (f.mode.value !== pod.mode) wanted.mode = f.mode.value;
  if (Number(f.minimum.value) !== pod.minimum) wanted.minimum = Number(f.minimum.value);
  if (Number(f.maximum.value) !== pod.maximum) wanted.maximum = Number(f.maximum.value);
  if (!Object.keys(wanted).length) { closePod(); return; }
  await send("/api/v1/pods/" + selected.split("/").map(encodeURIComponent).join("/"), wanted, $("pod-answer"));
});

// ---- begin

try { setTheme(localStorage.getItem("marlise-theme") || undefined); } catch { setTheme(); }
form.elements.token.value = token;
new ResizeObserver(() => schedule()).observe(document.body);
follow();
