// Drawing: small canvas charts that know nothing of where their numbers come from.

let palette = {};

/** Reads the colours of the present theme. */
export function readPalette() {
  const style = getComputedStyle(document.documentElement);
  palette = {};
  for (const name of ["limit", "usage", "usage-fill", "throttled", "response", "line", "soft", "ink", "paper", "card"]) {
    palette[name] = style.getPropertyValue("--" + name).trim();
  }
}

/** One colour for each of many holders, told apart by neighbours' lightness as much as by hue. */
export function holderColour(index) {
  const hues = [203, 164, 28, 318, 48, 262, 12, 186];
  const dark = document.documentElement.dataset.theme === "dark" ||
    (!document.documentElement.dataset.theme && matchMedia("(prefers-color-scheme: dark)").matches);
  const step = Math.floor(index / hues.length) % 3;
  return `hsl(${hues[index % hues.length]} ${58 - step * 10}% ${(dark ? 52 : 40) + step * 7 + (index % 2) * 6}%)`;
}

function prepare(canvas, width, height) {
  const ratio = Math.min(window.devicePixelRatio || 1, 2);
  const w = Math.round(width * ratio), h = Math.round(height * ratio);
  if (canvas.width !== w || canvas.height !== h) { canvas.width = w; canvas.height = h; }
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  return context;
}

function niceTop(value) {
  if (!(value > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  for (const step of [1, 1.5, 2, 3, 4, 5, 7.5, 10]) if (value <= step * power) return step * power;
  return 10 * power;
}

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

/** A pod's last minutes: usage below its limit, throttling as bars from above, response time on a scale of its own. */
export function drawPod(canvas, data, height) {
  const width = canvas.clientWidth || 360;
  const c = prepare(canvas, width, height);
  const left = 38, right = 46, bottom = 18, top = 6;
  const n = data.limit.length;
  const span = Math.max(n - 1, 1);
  let high = 10;
  for (let i = 0; i < n; i++) high = Math.max(high, data.limit[i] ?? 0, data.usage[i] ?? 0);
  high = niceTop(high * 1.08);
  let slow = 0;
  for (const value of data.response) if (value != null) slow = Math.max(slow, value * 1000);
  slow = niceTop(slow * 1.15);
  const x = i => left + (width - left - right) * i / span;
  const y = v => top + (height - top - bottom) * (1 - v / high);
  const z = v => top + (height - top - bottom) * (1 - v * 1000 / slow);
  c.font = "11px system-ui, sans-serif";
  c.textBaseline = "middle";
  c.lineWidth = 1;
  for (const part of [0, 0.5, 1]) {
    const py = Math.round(y(high * part)) + 0.5;
    c.strokeStyle = palette.line;
    c.beginPath(); c.moveTo(left, py); c.lineTo(width - right, py); c.stroke();
    c.fillStyle = palette.soft;
    c.textAlign = "right";
    c.fillText(Math.round(high * part) + "m", left - 5, py);
    if (data.response.some(v => v != null)) {
      c.fillStyle = palette.response;
      c.textAlign = "left";
      c.fillText(slow >= 1000 ? +(slow * part / 1000).toFixed(2) + " s" : +(slow * part).toFixed(1) + " ms", width - right + 4, py);
    }
  }
  c.fillStyle = palette.soft;
  c.textAlign = "left";
  c.fillText(data.span, left, height - 6);
  c.textAlign = "right";
  c.fillText("now", width - right, height - 6);
  // Throttling hangs from the top: the share of periods in which the pod was stopped.
  c.fillStyle = palette.throttled;
  c.globalAlpha = 0.55;
  const bar = Math.max((width - left - right) / span, 1);
  for (let i = 0; i < n; i++) {
    const share = data.throttled[i];
    if (share > 0.005) c.fillRect(x(i) - bar / 2, top, bar, (height - top - bottom) * 0.3 * share);
  }
  c.globalAlpha = 1;
  trace(c, data.usage, x, y, false);
  c.lineWidth = 1.4;
  c.strokeStyle = palette.usage;
  c.stroke();
  c.lineTo(x(n - 1), y(0));
  c.lineTo(x(data.usage.findIndex(v => v != null)), y(0));
  c.closePath();
  c.fillStyle = palette["usage-fill"];
  c.fill();
  c.setLineDash([3, 3]);
  c.lineWidth = 1.2;
  c.strokeStyle = palette.response;
  trace(c, data.response, x, z, false);
  c.stroke();
  c.setLineDash([]);
  c.lineWidth = 2;
  c.strokeStyle = palette.limit;
  trace(c, data.limit, x, y, true);
  c.stroke();
}

/** Limit and usage, small. */
export function drawTrend(canvas, data) {
  const width = 160, height = 28;
  const c = prepare(canvas, width, height);
  let high = 10;
  for (let i = 0; i < data.limit.length; i++) high = Math.max(high, data.limit[i] ?? 0, data.usage[i] ?? 0);
  const span = Math.max(data.limit.length - 1, 1);
  const x = i => width * i / span, y = v => height - 2 - (height - 4) * v / high;
  c.lineWidth = 1;
  c.strokeStyle = palette.usage;
  trace(c, data.usage, x, y, false);
  c.stroke();
  c.lineWidth = 1.5;
  c.strokeStyle = palette.limit;
  trace(c, data.limit, x, y, true);
  c.stroke();
}

/** Who holds how much of the pool; what is used of it is filled. */
export function drawPool(canvas, holders, capacity) {
  const width = canvas.clientWidth || 600, height = 34;
  const c = prepare(canvas, width, height);
  const held = holders.reduce((sum, holder) => sum + holder.limit, 0);
  const whole = Math.max(capacity, held, 1);
  c.fillStyle = palette.line;
  c.fillRect(0, 0, width, height);
  let x = 0;
  for (const holder of holders) {
    const w = width * holder.limit / whole;
    c.fillStyle = holder.colour;
    c.globalAlpha = 0.42;
    c.fillRect(x, 0, Math.max(w - (w > 4 ? 1 : 0), 0.5), height);
    c.globalAlpha = 1;
    const used = height * Math.min(holder.usage / Math.max(holder.limit, 1), 1);
    c.fillRect(x, height - used, Math.max(w - (w > 4 ? 1 : 0), 0.5), used);
    if (w > 64) {
      c.fillStyle = palette.ink;
      c.font = "600 11px system-ui, sans-serif";
      c.textBaseline = "middle";
      c.textAlign = "left";
      c.fillText(holder.name.length * 6.4 < w - 12 ? holder.name : holder.limit + "m", x + 6, 11, w - 10);
    }
    x += w;
  }
  if (held > capacity) {
    const edge = width * capacity / whole;
    c.fillStyle = palette.ink;
    c.fillRect(edge - 1, 0, 2, height);
  }
}
