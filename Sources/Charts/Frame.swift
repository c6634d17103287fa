/// What stands around the marks: titles, legend, axes with their grid. Lays itself out from the top down.
struct Frame {
  struct LegendEntry {
    enum Key { case line, dashes, area, dot, bar }
    var name: String
    /// Nil is grey.
    var colour: Int?
    var key: Key
  }

  let title: String
  let caption: String
  let width: Double
  let height: Double
  /// Blank edge; a page has margins of its own.
  let inset: Double
  /// The plot's edges, pixels.
  var left: Double
  var right: Double
  var top: Double
  var bottom: Double
  private var under = ElementWriter()
  private var texts = ElementWriter()

  init(title: String, caption: String, width: Double, height: Double, isStandalone: Bool) {
    self.title = title
    self.caption = caption
    self.width = width
    self.height = height
    inset = isStandalone ? 20 : 0
    left = inset
    right = width - max(inset, 16)
    top = isStandalone ? 16 : 2
    bottom = height - (isStandalone ? 16 : 4)
    if !title.isEmpty {
      for line in Frame.wrapped(title, size: 16.5, width: width - 2 * inset) {
        top += 16
        addText(line, x: inset, y: top, size: 16, weight: "600")
        top += 6
      }
    }
    if !caption.isEmpty {
      for line in Frame.wrapped(caption, size: 12.5, width: width - 2 * inset) {
        top += 14
        addText(line, x: inset, y: top, size: 12.5, isMuted: true)
        top += 3
      }
    }
    top += 10
  }

  mutating func addLegend(_ entries: [LegendEntry]) {
    guard !entries.isEmpty else { return }
    var place = inset
    top += 8
    for entry in entries {
      let wide = 26 + Markup.width(of: entry.name, size: 12.5) + 18
      if place > inset, place + wide > width - inset {
        place = inset
        top += 20
      }
      addKey(entry, x: place, y: top)
      addText(entry.name, x: place + 26, y: top + 4.5, size: 12.5)
      place += wide
    }
    top += 16
  }

  private mutating func addKey(_ entry: LegendEntry, x: Double, y: Double) {
    let colour = entry.colour.map(Theme.colour)
    let stroke = colour.map { "l\($0.index)" } ?? "rule"
    let fill = colour.map { "f\($0.index)" } ?? "muted"
    let light = colour?.light ?? Theme.muted.light
    switch entry.key {
    case .line, .dashes:
      texts.add(
        "path",
        [
          "class": stroke, "d": "M\(xy(x, y))H\(Markup.coordinate(x + 20))", "stroke": light, "stroke-width": "2.25",
          "stroke-dasharray": entry.key == .dashes ? "5 4" : "none", "fill": "none",
        ])
    case .area, .bar:
      texts.add(
        "rect",
        [
          "class": fill, "x": Markup.coordinate(x + 4), "y": Markup.coordinate(y - 6), "width": "12", "height": "12",
          "rx": "2", "fill": light, "fill-opacity": entry.key == .area ? "0.3" : "1",
        ])
    case .dot:
      texts.add(
        "path", ["class": fill, "d": MarkPainter.symbol(entry.colour ?? 0, x: x + 10, y: y, radius: 5), "fill": light])
    }
  }

  /// Makes room for the titles of the axes; the vertical one stands above its axis, where it needs no turned head.
  mutating func addAxisTitles(x: String, y: String) {
    if !y.isEmpty {
      top += 14
      addText(y, x: inset, y: top, size: 12, isMuted: true)
      top += 12
    }
    if !x.isEmpty {
      addText(x, x: right, y: bottom - 1, size: 12, anchor: "end", isMuted: true)
      bottom -= 18
    }
    bottom -= 22
    bottom = max(bottom, top + 20)
  }

  mutating func addGrid(x: Scale, y: Scale, yTicks: [Ticks.Tick], isBoth: Bool) {
    for tick in yTicks {
      guard let place = y.place(tick.value) else { continue }
      addLine("grid", "M\(xy(left, place))H\(Markup.coordinate(right))", Theme.grid.light)
      addText(tick.label, x: left - 8, y: place + 4, size: 12, anchor: "end", isMuted: true)
    }
    var free = -Double.infinity
    for tick in x.ticks(count: Frame.columns(right - left)) {
      guard let place = x.place(tick.value) else { continue }
      let half = Markup.width(of: tick.label, size: 12) / 2
      if isBoth { addLine("grid", "M\(xy(place, top))V\(Markup.coordinate(bottom))", Theme.grid.light) }
      addLine("rule", "M\(xy(place, bottom))v4", Theme.muted.light)
      // The last label may lean back into the picture; one that would run into another stays away.
      let middle = min(place, width - 1 - half)
      guard middle - half >= free else { continue }
      free = middle + half + 10
      addText(tick.label, x: middle, y: bottom + 18, size: 12, anchor: "middle", isMuted: true)
    }
    addLine("rule", "M\(xy(left, bottom))H\(Markup.coordinate(right))", Theme.muted.light)
  }

  mutating func addNotice(_ text: String) {
    addText(text, x: (left + right) / 2, y: (top + bottom) / 2, size: 14, anchor: "middle", isMuted: true)
  }

  mutating func addText(
    _ text: String, x: Double, y: Double, size: Double, anchor: String = "start", weight: String = "400",
    isMuted: Bool = false
  ) {
    texts.add(
      "text",
      [
        "class": isMuted ? "muted" : "ink", "x": Markup.coordinate(x), "y": Markup.coordinate(y),
        "font-size": Markup.coordinate(size), "font-weight": weight, "text-anchor": anchor,
        "fill": isMuted ? Theme.muted.light : Theme.ink.light,
      ], content: Markup.escaped(text))
  }

  mutating func addLine(_ name: String, _ path: String, _ light: String) {
    under.add("path", ["class": name, "d": path, "stroke": light, "fill": "none"])
  }

  /// - `clipped`: elements that end at the plot's edges; `above`: elements that may reach over them.
  func svg(id: String, isStandalone: Bool, clipped: String, above: String) -> String {
    let size = (Markup.coordinate(width), Markup.coordinate(height))
    var text = "<svg class=\"chart\""
    if isStandalone { text += " xmlns=\"http://www.w3.org/2000/svg\"" }
    text += " width=\"\(size.0)\" height=\"\(size.1)\" viewBox=\"0 0 \(size.0) \(size.1)\" role=\"img\""
    text += " aria-labelledby=\"\(id)-title \(id)-text\" font-family=\"\(Markup.escaped(Theme.fonts))\">\n"
    text += "<title id=\"\(id)-title\">\(Markup.escaped(title))</title>\n"
    text += "<desc id=\"\(id)-text\">\(Markup.escaped(caption.isEmpty ? title : caption))</desc>\n"
    if isStandalone { text += "<style>\(Theme.variables)\(Theme.chartRules)</style>\n" }
    var body = ElementWriter()
    body.add("rect", ["class": "paper", "width": size.0, "height": size.1, "rx": "6", "fill": Theme.paper.light])
    body.add(raw: under.text)
    // A line along the edge of the plot is still a whole line.
    let clip = (left - 2, top - 2, right - left + 4, bottom - top + 4)
    body.add(
      raw: "<clipPath id=\"\(id)-plot\"><rect x=\"\(Markup.coordinate(clip.0))\" y=\"\(Markup.coordinate(clip.1))\""
        + " width=\"\(Markup.coordinate(clip.2))\" height=\"\(Markup.coordinate(clip.3))\"/></clipPath>\n")
    body.add(raw: "<g clip-path=\"url(#\(id)-plot)\">\n\(clipped)</g>\n\(above)")
    body.add(raw: texts.text)
    return text + body.text + "</svg>\n"
  }

  private func xy(_ x: Double, _ y: Double) -> String { "\(Markup.coordinate(x)) \(Markup.coordinate(y))" }

  /// Labels that a horizontal axis of so many pixels has room for.
  static func columns(_ pixels: Double) -> Int { max(2, Int(pixels / 90)) }

  /// A text in lines of at most `width` pixels, as far as its words allow.
  static func wrapped(_ text: String, size: Double, width: Double) -> [String] {
    var lines: [String] = []
    for word in text.split(separator: " ") {
      if let last = lines.last, Markup.width(of: last + " " + word, size: size) <= width {
        lines[lines.count - 1] = last + " " + word
      } else {
        lines.append(String(word))
      }
    }
    return lines
  }
}
