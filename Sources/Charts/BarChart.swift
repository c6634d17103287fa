/// Horizontal bars with names on the left, one or several per name, with intervals where they are known.
public struct BarChart: Drawable {
  public struct Bar: Sendable, Equatable {
    public var value: Double
    public var interval: ClosedRange<Double>?

    public init(_ value: Double, interval: ClosedRange<Double>? = nil) {
      self.value = value
      self.interval = interval
    }
  }

  public var title: String
  public var caption: String
  public var axis: Axis
  /// Names of the groups, from the top down.
  public var names: [String]
  /// Per series: its name and one bar per group; a value that is no number has no bar.
  public var series: [(name: String, bars: [Bar])]
  /// A value that the bars are compared with.
  public var rule: (name: String, value: Double)?
  /// Decimals of the numbers beside the bars.
  public var decimals: Int
  public var width: Double

  public init(
    _ title: String, caption: String = "", axis: Axis, names: [String], series: [(name: String, bars: [Bar])],
    rule: (name: String, value: Double)? = nil, decimals: Int = 1, width: Double = 760
  ) {
    precondition(
      series.allSatisfy { $0.bars.count == names.count }, "bar chart: every series has \(names.count) bars")
    self.title = title
    self.caption = caption
    var axis = axis
    axis.includesZero = axis.kind == .linear
    self.axis = axis
    self.names = names
    self.series = series
    self.rule = rule
    self.decimals = decimals
    self.width = max(240, min(width, 4000))
  }

  public func svg(id: String, isStandalone: Bool) -> String {
    let thickness = series.count > 1 ? 13.0 : 18.0
    let group = thickness * Double(max(series.count, 1)) + 14
    var frame = Frame(title: title, caption: caption, width: width, height: 0, isStandalone: isStandalone)
    var entries = series.enumerated().map { Frame.LegendEntry(name: $1.name, colour: $0, key: .bar) }
    if series.count < 2 { entries = [] }
    if let rule { entries.append(Frame.LegendEntry(name: rule.name, colour: nil, key: .dashes)) }
    frame.addLegend(entries.filter { !$0.name.isEmpty })
    // Everything above the plot is laid out now, so the height is known.
    let height = min(4000, frame.top + group * Double(max(names.count, 1)) + (axis.label.isEmpty ? 38 : 56))
    frame = Frame(title: title, caption: caption, width: width, height: height, isStandalone: isStandalone)
    frame.addLegend(entries.filter { !$0.name.isEmpty })
    frame.addAxisTitles(x: axis.label, y: "")
    frame.left += min((names.map { Markup.width(of: $0, size: 13) }.max() ?? 0) + 12, width * 0.4)
    frame.right -= 44  // for the numbers

    let bars = series.flatMap(\.bars)
    let values = bars.flatMap { [$0.value, $0.interval?.lowerBound ?? $0.value, $0.interval?.upperBound ?? $0.value] }
    let ends = axis.ends(
      for: values + (rule.map { [$0.value] } ?? []), isTight: false,
      ticks: Frame.columns(frame.right - frame.left))
    let scale = Scale(axis: axis, ends: ends, start: frame.left, end: frame.right)
    var (marks, above) = (ElementWriter(), ElementWriter())
    addAxis(scale, to: &frame)
    for (row, name) in names.enumerated() {
      let middle = frame.top + group * (Double(row) + 0.5)
      frame.addText(name, x: frame.left - 10, y: middle + 4.5, size: 13, anchor: "end")
      for (index, one) in series.enumerated() {
        let y = middle + thickness * (Double(index) - Double(series.count) / 2)
        paint(one.bars[row], [name, one.name], y, thickness, Theme.colour(index), scale, &marks, &above, &frame)
      }
    }
    if let rule, let place = scale.place(rule.value) {
      marks.add(
        "path",
        [
          "class": "rule",
          "d": "M\(Markup.coordinate(place)) \(Markup.coordinate(frame.top))V\(Markup.coordinate(frame.bottom))",
          "stroke": Theme.muted.light, "stroke-width": "1.25", "stroke-dasharray": "5 4",
        ], content: "<title>\(Markup.escaped(rule.name))</title>")
    }
    if names.isEmpty { frame.addNotice("no data") }
    return frame.svg(id: id, isStandalone: isStandalone, clipped: marks.text, above: above.text)
  }

  private func addAxis(_ scale: Scale, to frame: inout Frame) {
    for tick in scale.ticks(count: Frame.columns(frame.right - frame.left)) {
      guard let place = scale.place(tick.value) else { continue }
      let x = Markup.coordinate(place)
      frame.addLine(
        "grid", "M\(x) \(Markup.coordinate(frame.top))V\(Markup.coordinate(frame.bottom))", Theme.grid.light)
      frame.addText(tick.label, x: place, y: frame.bottom + 18, size: 12, anchor: "middle", isMuted: true)
    }
  }

  private func paint(
    _ bar: Bar, _ names: [String], _ y: Double, _ thickness: Double, _ colour: (index: Int, light: String),
    _ scale: Scale, _ marks: inout ElementWriter, _ above: inout ElementWriter, _ frame: inout Frame
  ) {
    guard let end = scale.place(bar.value) else { return }
    let zero = scale.place(axis.kind == .linear ? 0 : scale.ends.lowerBound) ?? scale.start
    let label = names.filter { !$0.isEmpty }.joined(separator: ", ")
    marks.add(
      "rect",
      [
        "class": "f\(colour.index)", "x": Markup.coordinate(min(zero, end)), "y": Markup.coordinate(y + 1),
        "width": Markup.coordinate(max(abs(end - zero), 0.5)), "height": Markup.coordinate(thickness - 2), "rx": "2",
        "fill": colour.light,
      ], content: "<title>\(Markup.escaped(label + "\n" + Markup.value(bar.value)))</title>")
    var reach = max(end, zero)
    if let interval = bar.interval, let low = scale.place(interval.lowerBound),
      let high = scale.place(interval.upperBound)
    {
      let middle = Markup.coordinate(y + thickness / 2)
      reach = max(reach, high)
      above.add(
        "path",
        [
          "class": "rule", "fill": "none", "stroke": Theme.muted.light, "stroke-width": "1.5",
          "d":
            "M\(Markup.coordinate(low)) \(middle)H\(Markup.coordinate(high))m0 -3v6M\(Markup.coordinate(low)) \(middle)m0 -3v6",
        ])
    }
    frame.addText(
      Markup.number(bar.value, decimals: decimals), x: reach + 8, y: y + thickness / 2 + 4, size: 11.5, isMuted: true)
  }
}
