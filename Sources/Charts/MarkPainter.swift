/// Draws marks into the plot.
struct MarkPainter {
  let x: Scale
  let y: Scale
  /// Of all points in the chart: where there are many, they are small.
  let radius: Double
  private(set) var clipped = ElementWriter()
  private(set) var above = ElementWriter()
  /// Where labels and points are already.
  private var taken: [Box] = []

  /// Lines of more points than this have no tooltips: one would hit several at once.
  private static let tooltipsMax = 150

  init(x: Scale, y: Scale, dots: Int) {
    self.x = x
    self.y = y
    radius = dots > 40 ? 3.75 : 5.5
  }

  mutating func paint(_ mark: Mark, _ index: Int) {
    let colour = Theme.colour(index)
    switch mark.shape {
    case .line(let points, let isStep, let isDashed):
      let runs = runs(points)
      // A series with several points per pixel would be one thick band.
      let isDense = Double(points.count) > 2 * (x.end - x.start)
      let path = runs.map { MarkPainter.path(thinned($0), isStep: isStep) }.joined()
      guard !path.isEmpty else { return }
      clipped.add(
        "path",
        [
          "class": "l\(colour.index)", "d": path, "fill": "none", "stroke": colour.light,
          "stroke-width": isDense ? "1.1" : "2", "stroke-linejoin": "round", "stroke-linecap": "round",
          "stroke-dasharray": isDashed ? "5 4" : "none",
        ], content: "<title>\(Markup.escaped(mark.name))</title>")
      guard points.count <= MarkPainter.tooltipsMax else { return }
      for point in points { addHit(point, name: mark.name, colour) }
    case .band(let intervals): paint(intervals, mark.name, colour)
    case .dots(let dots): paint(dots, mark.name, index)
    case .front(let points, let dropsFirst):
      let places = points.compactMap { point in place(point) }
      clipped.add(
        "path",
        [
          "class": "rule", "d": MarkPainter.path(places, isStep: true, dropsFirst: dropsFirst), "fill": "none",
          "stroke": Theme.muted.light, "stroke-width": "1.5",
        ])
    case .rule(let xValue, let yValue):
      if let place = xValue.flatMap({ x.place($0) }) {
        addRule("M\(xy(place, y.start))V\(Markup.coordinate(y.end))", mark.name)
      }
      if let place = yValue.flatMap({ y.place($0) }) {
        addRule("M\(xy(x.start, place))H\(Markup.coordinate(x.end))", mark.name)
      }
    case .diagonal(let factor):
      // Many short pieces: the line is bent where only one axis is logarithmic.
      let places = (0...100).compactMap { step -> (Double, Double)? in
        let share = Double(step) / 100
        let (low, high) = (x.ends.lowerBound, x.ends.upperBound)
        let value = low + (high - low) * (x.axis.kind == .linear ? share : share * share * share)
        return place(Point(value, factor * value))
      }
      addRule(MarkPainter.path(places, isStep: false), mark.name)
    }
  }

  // MARK: Lines and bands

  private mutating func paint(_ intervals: [Mark.Interval], _ name: String, _ colour: (index: Int, light: String)) {
    let places = intervals.compactMap { interval -> (Double, Double, Double)? in
      guard let place = x.place(interval.x), let low = y.place(interval.low), let high = y.place(interval.high) else {
        return nil
      }
      return (place, low, high)
    }
    guard places.count > 1 else { return }
    let outline = places.map { ($0.0, $0.2) } + places.reversed().map { ($0.0, $0.1) }
    clipped.add(
      "path",
      [
        "class": "f\(colour.index)", "d": MarkPainter.path(outline, isStep: false) + "Z", "fill": colour.light,
        "fill-opacity": "0.18",
      ], content: "<title>\(Markup.escaped(name))</title>")
  }

  private mutating func addRule(_ path: String, _ name: String) {
    clipped.add(
      "path",
      [
        "class": "rule", "d": path, "fill": "none", "stroke": Theme.muted.light, "stroke-width": "1.25",
        "stroke-dasharray": "5 4",
      ], content: "<title>\(Markup.escaped(name))</title>")
  }

  /// An invisible point that shows its value to the pointer.
  private mutating func addHit(_ point: Point, name: String, _ colour: (index: Int, light: String)) {
    guard let (px, py) = place(point), isInside(px, py) else { return }
    above.add(
      "circle",
      [
        "class": "hit f\(colour.index)", "cx": Markup.coordinate(px), "cy": Markup.coordinate(py), "r": "6",
        "fill-opacity": "0",
      ], content: tooltip([name], point))
  }

  private func tooltip(_ names: [String], _ point: Point, _ more: String = "") -> String {
    let head = names.filter { !$0.isEmpty }.joined(separator: ", ")
    let text = (head.isEmpty ? "" : head + "\n") + "\(Markup.value(point.x)), \(Markup.value(point.y))" + more
    return "<title>\(Markup.escaped(text))</title>"
  }

  private func place(_ point: Point) -> (Double, Double)? {
    guard let px = x.place(point.x), let py = y.place(point.y) else { return nil }
    return (px, py)
  }

  /// Places of neighbours that have one; a point without a place parts two runs.
  private func runs(_ points: [Point]) -> [[(Double, Double)]] {
    var runs: [[(Double, Double)]] = [[]]
    for point in points {
      if let place = place(point) {
        runs[runs.count - 1].append(place)
      } else if !(runs.last?.isEmpty ?? true) {
        runs.append([])
      }
    }
    return runs.filter { !$0.isEmpty }
  }

  /// At most four points for every pixel column: the first, the lowest, the highest and the last, so that no peak is lost.
  private func thinned(_ places: [(Double, Double)]) -> [(Double, Double)] {
    guard places.count > Int(4 * (x.end - x.start)) else { return places }
    var result: [(Double, Double)] = []
    var first = 0
    while first < places.count {
      let column = places[first].0.rounded(.down)
      var last = first
      while last + 1 < places.count, places[last + 1].0.rounded(.down) == column { last += 1 }
      let group = first...last
      let low = group.max { places[$0].1 < places[$1].1 } ?? first
      let high = group.min { places[$0].1 < places[$1].1 } ?? first
      for index in Set([first, low, high, last]).sorted() { result.append(places[index]) }
      first = last + 1
    }
    return result
  }

  private static func path(_ places: [(Double, Double)], isStep: Bool, dropsFirst: Bool = false) -> String {
    guard let first = places.first else { return "" }
    var text = "M\(Markup.coordinate(first.0)) \(Markup.coordinate(first.1))"
    if places.count == 1 { text += "h0.01" }
    for (px, py) in places.dropFirst() {
      let (h, v) = (Markup.coordinate(px), Markup.coordinate(py))
      text += !isStep ? "L\(h) \(v)" : dropsFirst ? "V\(v)H\(h)" : "H\(h)V\(v)"
    }
    return text
  }

  private func xy(_ px: Double, _ py: Double) -> String { "\(Markup.coordinate(px)) \(Markup.coordinate(py))" }
  private func isInside(_ px: Double, _ py: Double) -> Bool {
    px >= x.start - 1 && px <= x.end + 1 && py >= y.end - 1 && py <= y.start + 1
  }

  // MARK: Points

  private struct Box {
    var left: Double
    var top: Double
    var right: Double
    var bottom: Double

    func overlaps(_ other: Box) -> Bool {
      left < other.right && other.left < right && top < other.bottom && other.top < bottom
    }
  }

  private mutating func paint(_ dots: [Mark.Dot], _ name: String, _ index: Int) {
    let colour = Theme.colour(index)
    let shown = dots.compactMap { dot in place(dot.place).map { (dot, $0.0, $0.1) } }.filter { isInside($1, $2) }
    for (_, px, py) in shown {
      taken.append(Box(left: px - radius, top: py - radius, right: px + radius, bottom: py + radius))
    }
    for (dot, px, py) in shown {
      var whiskers = ""
      if let interval = dot.xInterval, let low = x.place(interval.lowerBound), let high = x.place(interval.upperBound) {
        whiskers += "M\(xy(low, py))H\(Markup.coordinate(high))M\(xy(low, py - 4))v8M\(xy(high, py - 4))v8"
      }
      if let interval = dot.yInterval, let low = y.place(interval.lowerBound), let high = y.place(interval.upperBound) {
        whiskers += "M\(xy(px, low))V\(Markup.coordinate(high))M\(xy(px - 4, low))h8M\(xy(px - 4, high))h8"
      }
      if !whiskers.isEmpty {
        clipped.add(
          "path",
          [
            "class": "l\(colour.index)", "d": whiskers, "fill": "none", "stroke": colour.light, "stroke-width": "1.5",
            "stroke-opacity": "0.7",
          ])
      }
    }
    for (dot, px, py) in shown {
      var more = ""
      if let interval = dot.xInterval {
        more += "\nx \(Markup.value(interval.lowerBound)) to \(Markup.value(interval.upperBound))"
      }
      if let interval = dot.yInterval {
        more += "\ny \(Markup.value(interval.lowerBound)) to \(Markup.value(interval.upperBound))"
      }
      above.add(
        "path",
        [
          "class": "f\(colour.index) halo", "d": MarkPainter.symbol(index, x: px, y: py, radius: radius),
          "fill": colour.light, "fill-opacity": radius < 5 ? "0.8" : "1", "stroke": Theme.paper.light,
          "stroke-width": "1",
        ], content: tooltip([dot.label.isEmpty ? name : dot.label], dot.place, more))
    }
    for (dot, px, py) in shown where !dot.label.isEmpty { addLabel(dot.label, px, py) }
  }

  /// Beside its point, in the first place with room, corners first: whiskers leave those free. Nowhere rather than over
  /// another.
  private mutating func addLabel(_ text: String, _ px: Double, _ py: Double) {
    let wide = Markup.width(of: text, size: 12)
    let gap = radius + 5
    let side = radius * 0.6 + 3
    let places: [(x: Double, y: Double, anchor: String, left: Double)] = [
      (px + side, py - side, "start", px + side), (px + side, py + side + 8, "start", px + side),
      (px - side, py - side, "end", px - side - wide), (px - side, py + side + 8, "end", px - side - wide),
      (px, py - gap, "middle", px - wide / 2), (px, py + gap + 8, "middle", px - wide / 2),
      (px + gap, py + 4, "start", px + gap), (px - gap, py + 4, "end", px - gap - wide),
    ]
    for place in places {
      let box = Box(left: place.left, top: place.y - 10, right: place.left + wide, bottom: place.y + 3)
      let fits = box.left >= x.start && box.right <= x.end + 16 && box.top >= y.end && box.bottom <= y.start
      guard fits, !taken.contains(where: box.overlaps) else { continue }
      taken.append(box)
      above.add(
        "text",
        [
          "class": "ink halo", "x": Markup.coordinate(place.x), "y": Markup.coordinate(place.y), "font-size": "12",
          "text-anchor": place.anchor, "fill": Theme.ink.light, "stroke": Theme.paper.light, "stroke-width": "3",
          "stroke-linejoin": "round", "paint-order": "stroke",
        ], content: Markup.escaped(text))
      return
    }
  }

  /// Circle, square, triangle, diamond in turn: series can be told apart without colour.
  static func symbol(_ index: Int, x: Double, y: Double, radius: Double) -> String {
    func text(_ value: Double) -> String { Markup.coordinate(value) }
    let r = radius
    switch index % 4 {
    case 0:
      return "M\(text(x - r)) \(text(y))a\(text(r)) \(text(r)) 0 1 0 \(text(2 * r)) 0"
        + "a\(text(r)) \(text(r)) 0 1 0 \(text(-2 * r)) 0Z"
    case 1:
      return "M\(text(x - r * 0.9)) \(text(y - r * 0.9))h\(text(1.8 * r))v\(text(1.8 * r))h\(text(-1.8 * r))Z"
    case 2: return "M\(text(x)) \(text(y - 1.15 * r))l\(text(1.1 * r)) \(text(1.95 * r))h\(text(-2.2 * r))Z"
    default:
      return "M\(text(x)) \(text(y - 1.25 * r))l\(text(1.25 * r)) \(text(1.25 * r))l\(text(-1.25 * r)) "
        + "\(text(1.25 * r))l\(text(-1.25 * r)) \(text(-1.25 * r))Z"
    }
  }
}
