/// Something that can be drawn as SVG. The same content gives the same bytes.
public protocol Drawable: Sendable {
  var title: String { get }
  /// One element `svg`.
  ///
  /// - `id`: unique within a page, for what the picture refers to inside itself.
  /// - `isStandalone`: as a file of its own, with namespace and colours; if not, the page provides `Theme`.
  func svg(id: String, isStandalone: Bool) -> String
}

extension Drawable {
  /// A file of its own, which follows the reader's preference for light or dark.
  public func svg() -> String { svg(id: "chart", isStandalone: true) }
}

/// Lines, bands, points and rules over two axes.
///
///     let chart = Chart("Limit of a pod", x: Axis("second"), y: Axis("limit, m", includesZero: true),
///       marks: [.line("measured", perSecond: a), .line("simulated", perSecond: b, isDashed: true)])
///     chart.svg()
public struct Chart: Drawable, Equatable {
  public var title: String
  /// Under the title; also what is read to those who cannot see the picture.
  public var caption: String
  public var x: Axis
  public var y: Axis
  public var marks: [Mark]
  /// Pixels of the whole picture.
  public var width: Double
  public var height: Double

  public init(
    _ title: String, caption: String = "", x: Axis, y: Axis, marks: [Mark], width: Double = 760, height: Double = 380
  ) {
    self.title = title
    self.caption = caption
    self.x = x
    self.y = y
    self.marks = marks
    self.width = max(240, min(width, 4000))
    self.height = max(160, min(height, 4000))
  }

  public func svg(id: String, isStandalone: Bool) -> String {
    let colours = colours
    var frame = Frame(title: title, caption: caption, width: width, height: height, isStandalone: isStandalone)
    frame.addLegend(legend(colours))
    frame.addAxisTitles(x: x.label, y: y.label)
    let isTight = !marks.contains { if case .dots = $0.shape { true } else { false } }
    let yCount = max(2, Int((frame.bottom - frame.top) / 42))
    let yEnds = y.ends(for: marks.flatMap(\.extent.y), isTight: false, ticks: yCount)
    // The labels of the vertical axis decide where the plot begins.
    let yScale = Scale(axis: y, ends: yEnds, start: frame.bottom, end: frame.top)
    let yTicks = yScale.ticks(count: yCount)
    frame.left += (yTicks.map { Markup.width(of: $0.label, size: 12) }.max() ?? 0) + 8
    let xEnds = x.ends(
      for: marks.flatMap(\.extent.x), isTight: isTight, ticks: Frame.columns(frame.right - frame.left))
    let xScale = Scale(axis: x, ends: xEnds, start: frame.left, end: frame.right)
    frame.addGrid(x: xScale, y: yScale, yTicks: yTicks, isBoth: !isTight)

    let dots = marks.reduce(0) { if case .dots(let dots) = $1.shape { $0 + dots.count } else { $0 } }
    var painter = MarkPainter(x: xScale, y: yScale, dots: dots)
    let isEmpty = marks.allSatisfy { mark in
      let extent = mark.extent
      return extent.x.isEmpty && extent.y.isEmpty
    }
    // What is compared with lies below what is shown, bands below lines, lines below points.
    for mark in marks.sorted(by: { $0.layer < $1.layer }) { painter.paint(mark, colours[mark.name] ?? 0) }
    if isEmpty { frame.addNotice("no data") }
    return frame.svg(id: id, isStandalone: isStandalone, clipped: painter.clipped.text, above: painter.above.text)
  }

  /// By name, in the order of appearance.
  private var colours: [String: Int] {
    var colours: [String: Int] = [:]
    for mark in marks where mark.isColoured && colours[mark.name] == nil { colours[mark.name] = colours.count }
    return colours
  }

  private func legend(_ colours: [String: Int]) -> [Frame.LegendEntry] {
    var entries: [Frame.LegendEntry] = []
    // A line says more about its look than the band around it.
    for mark in marks.sorted(by: { $0.legendRank < $1.legendRank })
    where !mark.name.isEmpty && !entries.contains(where: { $0.name == mark.name }) {
      entries.append(Frame.LegendEntry(name: mark.name, colour: colours[mark.name], key: mark.key))
    }
    func place(_ name: String) -> Int { marks.firstIndex { $0.name == name } ?? 0 }
    entries.sort { place($0.name) < place($1.name) }
    // One series needs no key where the title says what it is.
    return entries.count == 1 && entries[0].colour != nil ? [] : entries
  }
}

extension Mark {
  fileprivate var layer: Int {
    switch shape {
    case .band: 0
    case .rule, .diagonal, .front: 1
    case .line: 2
    case .dots: 3
    }
  }

  fileprivate var legendRank: Int { if case .band = shape { 1 } else { 0 } }

  fileprivate var key: Frame.LegendEntry.Key {
    switch shape {
    case .line(_, _, let isDashed): isDashed ? .dashes : .line
    case .band: .area
    case .dots: .dot
    case .front: .line
    case .rule, .diagonal: .dashes
    }
  }
}
