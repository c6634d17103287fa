// Drawing: small canvas charts that know nothing of where their numbers come from.

let palette = {};

/** Reads the colours of the present theme. */
export function readPalette() {
  const style = getComputedStyle(document.documentElement);
  palette = {};
  for (const name of ["limit", "limit-fill", "usage", "usage-fill", "throttled", "response", "response-fill", "line", "soft", "ink", "card", "free"]) {
    palette[name] = style.getPropertyValue("--" + name).trim();
  }
}

function isDark() {
  const theme = document.documentElement.dataset.theme;
  return theme ? theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}

/** One colour for each of a few holders, told apart by neighbours' lightness as much as by hue. */
export function holderColour(index) {
  const hues = [206, 168, 32, 322, 48, 262, 12, 188];
  const step = Math.floor(index / hues.length) % 3;
  return `hsl(${hues[index % hues.length]} ${56 - step * 10}% ${(isDark() ? 54 : 44) + step * 7 + (index % 2) * 6}%)`;
}

/** Many holders have one hue: neighbours differ a little, no more, or the bar would be confetti. */
export function crowdColour(index) {
  return `hsl(206 52% ${(isDark() ? 56 : 42) + (index % 2) * 9}%)`;
}

function prepare(canvas, width, height) {
  const ratio = Math.min(window.devicePixelRatio || 1, 2);
  const w = Math.round(width * ratio), h = Math.round(height * ratio);
  if (canvas.width !== w || canvas.height !== h) { canvas.width = w; canvas.height = h; }
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  context.font = "11px " + getComputedStyle(document.body).fontFamily;
  context.lineJoin = "round";
  return context;
}

function niceTop(value) {
  if (!(value > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  for (const step of [1, 1.2, 1.6, 2, 2.4, 3, 4, 5, 6, 8, 10]) if (value <= step * power) return step * power;
  return 10 * power;
}

function millicores(value) { return value >= 10000 ? +(value / 1000).toFixed(1) + " CPU" : Math.round(value) + "m"; }
function milliseconds(value) { return value >= 1000 ? +(value / 1000).toFixed(2) + " s" : +value.toFixed(value < 10 ? 1 : 0) + " ms"; }

// A step line: a limit holds until the next one. Gaps where nothing was known.
function trace(context, series, x, y, stepped) {
  let open = false, last = 0;
  context.beginPath();
  for (let i = 0; i < series.length; i++) {
    const value = series[i];
    if (value == null) { open = false; continue; }
    const px = x(i), py = y(value);
    if (!open) context.moveTo(px, py);
    else { if (stepped) context.lineTo(px, last); context.lineTo(px, py); }
    last = py;
    open = true;
  }
}

// The area below a line, gap by gap.
function fill(context, series, x, y, floor, stepped) {
  context.beginPath();
  let start = null, last = 0;
  for (let i = 0; i <= series.length; i++) {
    const value = i < series.length ? series[i] : null;
    if (value == null) {
      if (start != null) { context.lineTo(x(i - 1), floor); context.closePath(); }
      start = null;
      continue;
    }
    const px = x(i), py = y(value);
    if (start == null) { context.moveTo(px, floor); context.lineTo(px, py); start = i; }
    else { if (stepped) context.lineTo(px, last); context.lineTo(px, py); }
    last = py;
  }
  context.fill();
}

const LEFT = 52, RIGHT = 4;

function grid(c, width, y, high, parts, label, colour) {
  c.textBaseline = "middle";
  c.textAlign = "right";
  c.lineWidth = 1;
  for (const part of parts) {
    const py = Math.round(y(high * part)) + 0.5;
    c.strokeStyle = palette.line;
    c.beginPath(); c.moveTo(LEFT, py); c.lineTo(width - RIGHT, py); c.stroke();
    c.fillStyle = colour;
    c.fillText(label(high * part), LEFT - 7, py);
  }
}

function timeAxis(c, width, height, text) {
  c.fillStyle = palette.soft;
  c.textBaseline = "alphabetic";
  c.textAlign = "left";
  c.fillText(text, LEFT, height - 3);
  c.textAlign = "right";
  c.fillText("now", width - RIGHT, height - 3);
}

/** Which of n samples lies under a pointer. */
export function sampleAt(canvas, offset, n) {
  const width = canvas.clientWidth || 360;
  return Math.max(0, Math.min(n - 1, Math.round((offset - LEFT) / (width - LEFT - RIGHT) * Math.max(n - 1, 1))));
}

export const POD_HEIGHT = { whole: 214, plain: 160 };

/** A pod's last minutes, one below the other: usage under its limit, the share of throttled periods, response time. */
export function drawPod(canvas, data) {
  const hasResponse = data.response.some(v => v != null);
  const width = canvas.clientWidth || 360, height = hasResponse ? POD_HEIGHT.whole : POD_HEIGHT.plain;
  const c = prepare(canvas, width, height);
  const n = data.limit.length;
  const x = i => LEFT + (width - LEFT - RIGHT) * i / Math.max(n - 1, 1);

  let high = 10;
  for (let i = 0; i < n; i++) high = Math.max(high, data.limit[i] ?? 0, data.usage[i] ?? 0);
  high = niceTop(high * 1.05);
  const top = 8, floor = 112;
  const y = v => floor - (floor - top) * v / high;
  grid(c, width, y, high, [0, 0.5, 1], millicores, palette.soft);
  c.fillStyle = palette["usage-fill"];
  fill(c, data.usage, x, y, floor, false);
  trace(c, data.usage, x, y, false);
  c.lineWidth = 1.4;
  c.strokeStyle = palette.usage;
  c.stroke();
  trace(c, data.limit, x, y, true);
  c.lineWidth = 2;
  c.strokeStyle = palette.limit;
  c.stroke();

  // Throttling: the darker, the larger the share of periods in which the pod was stopped.
  const strip = 123, thick = 11;
  c.fillStyle = palette.line;
  c.globalAlpha = 0.5;
  c.fillRect(LEFT, strip, width - LEFT - RIGHT, thick);
  c.fillStyle = palette.throttled;
  const bar = (width - LEFT - RIGHT) / Math.max(n - 1, 1);
  for (let i = 0; i < n; i++) {
    const share = data.throttled[i];
    if (!(share > 0.005)) continue;
    c.globalAlpha = 0.18 + 0.82 * Math.min(share, 1);
    const from = Math.max(x(i) - bar / 2, LEFT), to = Math.min(x(i) + bar / 2, width - RIGHT);
    c.fillRect(from, strip, to - from + 0.4, thick);
  }
  c.globalAlpha = 1;

  if (hasResponse) {
    let slow = 0;
    for (const value of data.response) if (value != null) slow = Math.max(slow, value * 1000);
    slow = niceTop(slow * 1.05);
    const ceiling = 148, ground = 192;
    const z = v => ground - (ground - ceiling) * v * 1000 / slow;
    grid(c, width, v => ground - (ground - ceiling) * v / slow, slow, [0, 1], v => v === 0 ? "0" : milliseconds(v), palette.soft);
    c.fillStyle = palette["response-fill"];
    fill(c, data.response, x, z, ground, false);
    trace(c, data.response, x, z, false);
    c.lineWidth = 1.4;
    c.strokeStyle = palette.response;
    c.stroke();
  }
  timeAxis(c, width, height, data.span);
  if (data.mark != null && data.mark < n) {
    c.strokeStyle = palette.ink;
    c.globalAlpha = 0.45;
    c.lineWidth = 1;
    const px = Math.round(x(data.mark)) + 0.5;
    c.beginPath(); c.moveTo(px, top); c.lineTo(px, hasResponse ? 192 : 134); c.stroke();
    c.globalAlpha = 1;
  }
}

/** Limit and usage, small. */
export function drawTrend(canvas, data) {
  const width = 150, height = 28;
  const c = prepare(canvas, width, height);
  let high = 10;
  for (let i = 0; i < data.limit.length; i++) high = Math.max(high, data.limit[i] ?? 0, data.usage[i] ?? 0);
  const span = Math.max(data.limit.length - 1, 1);
  const x = i => width * i / span, y = v => height - 2 - (height - 4) * v / high;
  c.fillStyle = palette["usage-fill"];
  fill(c, data.usage, x, y, height - 2, false);
  c.lineWidth = 1;
  c.strokeStyle = palette.usage;
  trace(c, data.usage, x, y, false);
  c.stroke();
  c.lineWidth = 1.5;
  c.strokeStyle = palette.limit;
  trace(c, data.limit, x, y, true);
  c.stroke();
}

const POOL_HEIGHT = 60;

/** Who holds how much of the pool at this moment; what is used of it is filled from below. */
export function drawPool(canvas, holders, capacity) {
  const width = canvas.clientWidth || 600, height = POOL_HEIGHT;
  const c = prepare(canvas, width, height);
  const held = holders.reduce((sum, holder) => sum + holder.limit, 0);
  const whole = Math.max(capacity, held, 1);
  c.beginPath();
  c.roundRect(0, 0, width, height, 6);
  c.save();
  c.clip();
  c.fillStyle = palette.free;
  c.fillRect(0, 0, width, height);
  const gap = width / Math.max(holders.length, 1) > 5 ? 1.5 : 0;
  let x = 0;
  for (const holder of holders) {
    const w = width * holder.limit / whole;
    c.fillStyle = holder.colour;
    c.globalAlpha = 0.34;
    c.fillRect(x, 0, Math.max(w - gap, 0.5), height);
    c.globalAlpha = 1;
    const used = height * Math.min(holder.usage / Math.max(holder.limit, 1), 1);
    c.fillRect(x, height - used, Math.max(w - gap, 0.5), used);
    x += w;
  }
  c.restore();
  if (held > capacity) {
    c.fillStyle = palette.ink;
    c.fillRect(width * capacity / whole - 1, 0, 2, height);
  }
}

/** Which holder lies under a pointer on the pool's bar; null for the free part. */
export function holderAt(canvas, offset, holders, capacity) {
  const held = holders.reduce((sum, holder) => sum + holder.limit, 0);
  let left = offset / (canvas.clientWidth || 600) * Math.max(capacity, held, 1);
  for (const holder of holders) {
    if (left < holder.limit) return holder;
    left -= holder.limit;
  }
  return null;
}

/**
 * The pool's last minutes: limits stacked, holder by holder, what is used of them, and the pool's size.
 * @param layers lists of limits, from the lowest; one for all where there are many holders
 */
export function drawPoolTrend(canvas, layers, used, capacity, span) {
  const width = canvas.clientWidth || 600, height = 116;
  const c = prepare(canvas, width, height);
  const n = used.length;
  const x = i => LEFT + (width - LEFT - RIGHT) * i / Math.max(n - 1, 1);
  const sums = Array.from({ length: n }, (_, i) => layers.reduce((sum, layer) => sum + (layer.values[i] ?? 0), 0));
  const high = niceTop(Math.max(10, ...capacity.map(v => v ?? 0), ...sums, ...used.map(v => v ?? 0)) * 1.02);
  const top = 8, floor = 94;
  const y = v => floor - (floor - top) * v / high;
  grid(c, width, y, high, [0, 0.5, 1], millicores, palette.soft);
  const base = Array(n).fill(0);
  for (const layer of layers) {
    c.fillStyle = layer.colour;
    c.globalAlpha = 0.42;
    c.beginPath();
    for (let i = 0; i < n; i++) {
      if (i > 0) c.lineTo(x(i), y(base[i - 1] + (layer.values[i - 1] ?? 0)));
      c.lineTo(x(i), y(base[i] + (layer.values[i] ?? 0)));
    }
    for (let i = n - 1; i >= 0; i--) {
      c.lineTo(x(i), y(base[i]));
      if (i > 0) c.lineTo(x(i), y(base[i - 1]));
    }
    c.fill();
    c.globalAlpha = 1;
    for (let i = 0; i < n; i++) base[i] += layer.values[i] ?? 0;
  }
  trace(c, used, x, y, false);
  c.lineWidth = 2;
  c.strokeStyle = palette.usage;
  c.stroke();
  c.setLineDash([5, 4]);
  trace(c, capacity, x, y, true);
  c.lineWidth = 1.4;
  c.strokeStyle = palette.ink;
  c.stroke();
  c.setLineDash([]);
  timeAxis(c, width, height, span);
}
